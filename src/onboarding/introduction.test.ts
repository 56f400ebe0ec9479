import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readIntroduction } from './introduction.ts'
import type { Guess, Introduction } from './introduction.ts'

/** What is expected beside `ada`: the fields that differ. */
type Expected = Partial<Omit<Introduction, 'guesses' | 'isIntroduction'>> & { readonly guesses?: readonly Guess[] }

const ada: Introduction = {
  isIntroduction: true,
  name: 'Ada Lovelace',
  organization: 'Analytical Engines',
  invitedBy: 'Mo',
  email: 'ada@example.org',
  interests: ['maths', 'poetry'],
  linkedin: null,
  guesses: [],
}
const no = readIntroduction('')
const ending: Guess = { field: 'email', code: 'ending' }
const several: Guess = { field: 'email', code: 'several' }
const place = (field: Guess['field']): Guess => ({ field, code: 'place' })

const answers = ['Ada Lovelace', 'Analytical Engines', 'Mo', 'ada@example.org', 'maths, poetry']
const lines = (mark: (number: number) => string, values: readonly string[] = answers): string =>
  values.map((value, index) => `${mark(index + 1)}${value}`).join('\n')
const labels = (names: readonly string[], sign = ': ', values: readonly string[] = answers): string =>
  names.map((name, index) => `${name}${sign}${values[index] ?? ''}`).join('\n')
const usual = ['Name', 'Organization', 'Invited by', 'Email', 'Interests']

const url = 'https://www.linkedin.com/in/ada'

type Case = readonly [what: string, text: string, expected?: Expected]

const cases: readonly Case[] = [
  // Numbers.
  ['1.', lines((n) => `${n}. `)],
  ['1)', lines((n) => `${n}) `)],
  ['1-', lines((n) => `${n}- `)],
  ['1 -', lines((n) => `${n} - `)],
  ['1:', lines((n) => `${n}: `)],
  ['1. without a space', lines((n) => `${n}.`)],
  ['(1)', lines((n) => `(${n}) `)],
  ['#1', lines((n) => `#${n} `)],
  ['1.)', lines((n) => `${n}.) `)],
  ['1/', lines((n) => `${n}/ `)],
  ['[1]', lines((n) => `[${n}] `)],
  ['Q1:', lines((n) => `Q${n}: `)],
  [
    'two numbers in a line',
    lines((n) => `${n}. `)
      .replace('\n2.', ' 2.')
      .replace('\n4.', ' 4.'),
  ],
  ['the bot named before it', `@gatehouse ${lines((n) => `${n}. `)}`],
  ['abbreviations keep their dot', lines((n) => `${n}. `).replace('Engines', 'Engines Inc.'), { organization: 'Analytical Engines Inc.' }],
  ['labels from the address on', 'Ada Lovelace\nAnalytical Engines\nMo\nEmail: ada@example.org\nInterests: maths, poetry'],
  ['labels of their own', 'Ada Lovelace\nAnalytical Engines\ninvited by Mo\ncontact: ada@example.org\nlikes: maths, poetry'],
  ['a bare number', lines((n) => `${n} `)],
  ['bold numbers', lines((n) => `**${n}.** `)],
  ['keycaps', lines((n) => `${n}\ufe0f\u20e3 `)],
  ['circled numbers', lines((n) => `${String.fromCharCode(0x245f + n)} `)],
  ['full-width numbers', lines((n) => `${String.fromCharCode(0xff10 + n)}. `)],
  ['bulleted numbers', lines((n) => `- ${n}. `)],
  ['always one', lines(() => '1. ')],
  ['blank lines between', lines((n) => `${n}. `).replaceAll('\n', '\n\n')],
  ['carriage returns', lines((n) => `${n}. `).replaceAll('\n', '\r\n')],
  ['indented', lines((n) => `   ${n}.  `)],
  ['no-break spaces', lines((n) => `${n}.\u00a0`)],
  ['all in one line', lines((n) => `${n}. `).replaceAll('\n', ' ')],
  ['a missing number in the middle', lines((n) => (n === 3 ? '' : `${n}. `))],
  ['the first number is missing', lines((n) => (n === 1 ? '' : `${n}. `))],
  ['another order', '4. ada@example.org\n5. maths, poetry\n1. Ada Lovelace\n3. Mo\n2. Analytical Engines'],
  ['an unasked question left out', '1. Ada Lovelace\n3. Mo\n4. ada@example.org\n5. maths, poetry', { organization: null }],
  ['numbers and labels', lines((n) => `${n}. ${usual[n - 1] ?? ''}: `)],
  ['numbers, labels and bold', lines((n) => `${n}. **${usual[n - 1] ?? ''}:** `)],
  [
    'the questions copied, answers below',
    '1. Your name\nAda Lovelace\n2. Your organization, if any\nAnalytical Engines\n3. Who invited you\nMo\n4. Your e-mail address, or an alias of it\nada@example.org\n5. What interests you, separated by commas\nmaths, poetry',
  ],
  [
    'the questions copied, answers behind',
    labels([
      '1. Your name',
      '2. Your organization, if any',
      '3. Who invited you',
      '4. Your e-mail address, or an alias of it',
      '5. What interests you, separated by commas',
    ]),
  ],
  [
    'numbers that count something else',
    '1. Ada Lovelace\n2. ada@example.org\n3. maths, poetry',
    { organization: null, invitedBy: null, guesses: [place('organization'), place('invitedBy'), place('interests')] },
  ],
  ['interests on several lines', '1. Ada Lovelace\n2. Analytical Engines\n3. Mo\n4. ada@example.org\n5. maths\npoetry'],
  ['interests as a list', '1. Ada Lovelace\n2. Analytical Engines\n3. Mo\n4. ada@example.org\n5. Interests:\n- maths\n- poetry'],
  ['thanks behind it', `${lines((n) => `${n}. `)}\n\nThanks a lot, looking forward to it!`],
  ['thanks behind it without a blank line', `${lines((n) => `${n}. `)}\nThank you!`],
  ['a greeting before it', `Hi everyone 👋\n\n${lines((n) => `${n}. `)}`],
  // Labels.
  ['labels', labels(usual)],
  ['lower case', labels(usual.map((name) => name.toLowerCase()))],
  ['British', labels(['Name', 'Organisation', 'Invited by', 'E-mail', 'Interests'])],
  ['short', labels(['Name', 'Org', 'Inviter', 'Mail', 'Interest'])],
  ['company', labels(['Full name', 'Company', 'Referred by', 'E-Mail address', 'Topics of interest'])],
  ['questions', labels(['Name', 'Organization', 'Who invited you', 'Email', 'What interests you'], '? ')],
  ['dashes', labels(usual, ' - ')],
  ['long dashes', labels(usual, ' — ')],
  ['equals signs', labels(usual, '=')],
  ['arrows', labels(usual, ' -> ')],
  ['a space before the colon', labels(usual, ' : ')],
  ['no sign at all', labels(usual, ' ')],
  ['bold', labels(usual.map((name) => `**${name}**`))],
  [
    'bold with the colon',
    labels(
      usual.map((name) => `**${name}:**`),
      ' ',
    ),
  ],
  ['italic', labels(usual.map((name) => `_${name}_`))],
  ['bulleted', labels(usual.map((name) => `* ${name}`))],
  ['with pictures', labels(usual.map((name) => `📛 ${name}`))],
  [
    'another order and other things',
    'Interests: maths, poetry\nLocation: London\nE-mail: ada@example.org\nSignal: ada.01\nPhone: +44 20 7946 0000\nInvited by: Mo\nCompany: Analytical Engines\nName: Ada Lovelace\nPronouns: she/her',
  ],
  [
    'with brackets',
    labels(['Name (required)', 'Organization (optional)', 'Invited by (who?)', 'Email (or alias)', 'Interests (comma separated)']),
  ],
  ['values in the next line', labels(usual, ':\n')],
  ['in one line', labels(usual).replaceAll('\n', ', ').replace('maths, poetry', 'maths; poetry')],
  [
    'first and last name',
    'First name: Ada\nLast name: Lovelace\nOrg: Analytical Engines\nInvited by: Mo\nEmail: ada@example.org\nInterests: maths, poetry',
  ],
  ['German', labels(['Name', 'Organisation', 'Eingeladen von', 'E-Mail-Adresse', 'Interessen'])],
  ['French', labels(['Prénom et nom', 'Entreprise', 'Invité par', 'Courriel', 'Centres d’intérêt'])],
  [
    'Spanish',
    labels(['Nombre', 'Organización', 'Invitado por', 'Correo electrónico', 'Intereses'].map((name) => name.replace(' electrónico', ''))),
  ],
  [
    'Cyrillic',
    labels(['Имя', 'Организация', 'Кто пригласил', 'Почта', 'Интересы'], ': ', [
      'Ада',
      'Машина',
      'Мо',
      'ada@example.org',
      'математика, поэзия',
    ]),
    { name: 'Ада', organization: 'Машина', invitedBy: 'Мо', interests: ['математика', 'поэзия'] },
  ],
  [
    'Hebrew, right to left',
    labels(['\u200fשם', 'ארגון', 'הזמין', 'אימייל', 'תחומי עניין'], ': ', [
      'עדה',
      'מנועים',
      'מו',
      '\u202aada@example.org\u202c',
      'מתמטיקה, שירה',
    ]),
    { name: 'עדה', organization: 'מנועים', invitedBy: 'מו', interests: ['מתמטיקה', 'שירה'] },
  ],
  [
    'Arabic, right to left',
    '1. عائشة\n2. محركات\n3. محمد\n4. aisha@example.org\n5. رياضيات، شعر\n6. تخطي',
    { name: 'عائشة', organization: 'محركات', invitedBy: 'محمد', email: 'aisha@example.org', interests: ['رياضيات', 'شعر'] },
  ],
  // Without marks.
  ['plain lines', answers.join('\n')],
  ['plain lines with blank ones', 'Ada Lovelace\nAnalytical Engines\nMo\n\nada@example.org\n\nmaths\npoetry'],
  ['plain lines with bullets', answers.map((line) => `- ${line}`).join('\n')],
  ['plain lines with a greeting', `Hello all!\n${answers.join('\n')}\nCheers`],
  ['bars', answers.join(' | ')],
  [
    'two lines above the address',
    'Ada Lovelace\nAnalytical Engines\nada@example.org\nmaths, poetry',
    { invitedBy: null, guesses: [place('organization')] },
  ],
  ['one line above the address', 'Ada Lovelace\nada@example.org\nmaths\npoetry', { organization: null, invitedBy: null }],
  [
    'four lines above the address',
    'Ada Lovelace\nAnalytical Engines\nMo\nsince Monday\nada@example.org\nmaths, poetry',
    { guesses: [place('organization'), place('invitedBy')] },
  ],
  ['an organization that is a label', 'Ada Lovelace\nSignal\nMo\nada@example.org\nmaths, poetry', { organization: 'Signal' }],
  ['the address left out', 'Ada Lovelace\nAnalytical Engines\nMo\nskip\nmaths, poetry', { email: null }],
  [
    'sentences',
    "Hi all!\nI'm Ada Lovelace, a mathematician\nI work at Analytical Engines\nI was invited by Mo\nMy email is ada@example.org\nI'm interested in maths, poetry",
  ],
  ['a link among them', `Ada Lovelace\nAnalytical Engines\nMo\nada@example.org\n${url}?a=b\nmaths, poetry`, { linkedin: url }],
  ['a telephone among them', 'Ada Lovelace\nAnalytical Engines\nMo\nada@example.org\n+44 20 7946 0000\nmaths, poetry'],
  // Quoted.
  ['a quoted reply', `> <@mod:example.org> 1. Your name\n> 2. Your e-mail\n\n${lines((n) => `${n}. `)}`],
  ['answers between the quoted questions', answers.map((line, index) => `> ${index + 1}. question\n${line}`).join('\n')],
  ['the fallback of an edit', `* ${lines((n) => `${n}. `)}`],
  // Values.
  [
    'ordinals are no marks',
    '1. Ada Lovelace\n2. 3rd Engine Works\n3. 2nd floor Mo\n4. ada@example.org\n5. maths, poetry',
    { organization: '3rd Engine Works', invitedBy: '2nd floor Mo' },
  ],
  [
    'ordinals in plain lines',
    'Ada Lovelace\n1st Works\nMo\nada@example.org\n3D printing, 2.5D',
    { organization: '1st Works', interests: ['3D printing', '2.5D'] },
  ],
  ...['skip', 'n/a', 'N/A', '-', '–', 'none', 'None.', '(skip)', 'SKIP!', 'nope'].map((word): Case => [
    `left out: ${word}`,
    lines((n) => `${n}. `, ['Ada Lovelace', word, word, 'ada@example.org', word, word]),
    { organization: null, invitedBy: null, interests: [] },
  ]),
  ['a missing ending', lines((n) => `${n}. `).replace('example.org', 'gmail'), { email: 'ada@gmail.com', guesses: [ending] }],
  ['a comma for the dot', lines((n) => `${n}. `).replace('example.org', 'gmail,com'), { email: 'ada@gmail.com', guesses: [ending] }],
  ['a missing ending of nobody we know', labels(usual).replace('example.org', 'mit'), { email: null }],
  ['an ending that could be several', labels(usual).replace('example.org', 'gmx'), { email: null }],
  ['an address in words is not put together', labels(usual).replace('ada@example.org', 'ada at example dot org'), { email: null }],
  ['two addresses', lines((n) => `${n}. `).replace('ada@example.org', 'ada@example.org or ada@work.example'), { guesses: [several] }],
  ['the same address twice', lines((n) => `${n}. `).replace('ada@example.org', '[ada@example.org](mailto:ada@example.org)')],
  ['an address in brackets', lines((n) => `${n}. `).replace('ada@example.org', '<ada@example.org>')],
  ['an address with a dot behind it', lines((n) => `${n}. `).replace('ada@example.org', 'ada@example.org.')],
  ['an alias', lines((n) => `${n}. `).replace('ada@', 'ada.l+matrix@'), { email: 'ada.l+matrix@example.org' }],
  ['an address beside the name', 'Name: Ada Lovelace <ada@example.org>\nOrg: Analytical Engines\nInvited by: Mo\nInterests: maths, poetry'],
  [
    "the inviter's address is the inviter's",
    labels(usual, ': ', ['Ada Lovelace', 'Analytical Engines', 'Mo (mo@example.org)', 'skip', 'maths, poetry']),
    { email: null },
  ],
  ["the inviter's address beside the own one", lines((n) => `${n}. `).replace('Mo', 'Mo mo@example.org')],
  ['an inviter by id', lines((n) => `${n}. `).replace('Mo', '@mo:example.org'), { invitedBy: '@mo:example.org' }],
  ['an inviter by link', lines((n) => `${n}. `).replace('Mo', 'https://matrix.to/#/@mo:example.org'), { invitedBy: '@mo:example.org' }],
  ['an inviter by pill', lines((n) => `${n}. `).replace('Mo', '[Mo](https://matrix.to/#/@mo:example.org)')],
  [
    'an inviter by id that is mostly digits',
    lines((n) => `${n}. `).replace('Mo', '@mo-43799530:10.20.30.40:8448'),
    { invitedBy: '@mo-43799530:10.20.30.40:8448' },
  ],
  [
    'an inviter by link that is mostly digits',
    lines((n) => `${n}. `).replace('Mo', 'https://matrix.to/#/@20201234567:example.org'),
    { invitedBy: '@20201234567:example.org' },
  ],
  ["the inviter's telephone number", lines((n) => `${n}. `).replace('Mo', 'Mo (+49 170 1234567)')],
  [
    "the inviter's id and telephone number",
    lines((n) => `${n}. `).replace('Mo', '@mo:example.org 0170/1234567'),
    { invitedBy: '@mo:example.org' },
  ],
  ['pronouns', lines((n) => `${n}. `).replace('Ada Lovelace', 'Ada Lovelace (she/her) 🌻')],
  [
    'commas in brackets',
    lines((n) => `${n}. `).replace('maths, poetry', 'AI (LLMs, agents), hiking, and tea.'),
    { interests: ['AI (LLMs, agents)', 'hiking', 'tea'] },
  ],
  ['semicolons, hash signs, doubles', lines((n) => `${n}. `).replace('maths, poetry', '#maths; poetry; Maths')],
  ['an address among the interests', lines((n) => `${n}. `).replace('poetry', 'poetry, write to ada@work.example')],
  ['LinkedIn', `${lines((n) => `${n}. `)}\n6. ${url}/?utm_source=share&utm_medium=x#top`, { linkedin: `${url}/` }],
  ['LinkedIn without scheme', `${labels(usual)}\nLinkedIn: linkedin.com/in/ada?x=1`, { linkedin: 'https://linkedin.com/in/ada' }],
  ['LinkedIn as a link', `${labels(usual)}\nLinkedIn: [Ada](${url}?x)`, { linkedin: url }],
  ['LinkedIn as a name', `${labels(usual)}\nLinkedIn: ada-lovelace`, { linkedin: 'ada-lovelace' }],
  ['LinkedIn left out', `${labels(usual)}\nLinkedIn: n/a`],
  ['a project name is no name', `${labels(usual)}\nProject name: Engine`],
]

describe('what people write', () => {
  test.each(cases.map(([what, text, expected]): [string, string, Expected] => [what, text, expected ?? {}]))(
    '%s',
    (_what, text, expected) => {
      expect(readIntroduction(text)).toEqual({ ...ada, ...expected })
    },
  )
  test('there are enough of them', () => expect(cases.length).toBeGreaterThanOrEqual(80))

  test('several messages are one introduction', () => {
    expect(readIntroduction('1. Ada Lovelace\n2. Analytical Engines')).toEqual(no)
    expect(
      readIntroduction(['1. Ada Lovelace\n2. Analytical Engines', '3. Mo', '4. ada@example.org\n5. maths, poetry'].join('\n')),
    ).toEqual(ada)
  })
})

describe('what is no introduction', () => {
  test.each([
    [''],
    ['hello'],
    ['-'],
    ['how are you? write to me at ada@example.org'],
    ['my email: ada@example.org\nwhat is the name of the room?'],
    ['1. go to settings\n2. click privacy\n3. toggle it\n4. save\n5. done'],
    ['1. Open Settings\n2. Click Privacy\n3. Toggle\n4. Save\n5. Done'],
    ['Meeting notes:\n1. Budget\n2. Hiring\n3. Contact ada@example.org\n4. Lunch'],
    ['1. Your name\n2. Your organization, if any\n3. Who invited you\n4. Your e-mail address, or an alias of it\n5. What interests you'],
    [lines((n) => `> ${n}. `)],
    ['Name:\nEmail:\nInterests:'],
    ['I think\nthat this is\na fine day\nfor a walk\nisn’t it'],
  ])('%j', (text) => expect(readIntroduction(text)).toEqual(no))
})

describe('whatever people write', () => {
  const word = fc.oneof(
    fc.constantFrom(
      'Name: ',
      '1. ',
      '2) ',
      '3-',
      '4: ',
      'Email: ',
      'Interests: ',
      '\n',
      '\n\n',
      '@',
      'ada@gmail',
      'b@x.org',
      '> ',
      '**',
      '🌻',
      '\u200f',
      '\u200b',
      'skip',
      ',',
      '|',
      'https://',
      'linkedin.com/in/',
      "Hi, I'm Ada Lovelace from Engines, ",
      'Mo (mo@example.org) invited me, ',
      'my email is ',
      " and I'm into maths and tea",
      '+44 20 7946 0000',
    ),
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.emailAddress(),
  )
  const text = fc.array(word, { maxLength: 40 }).map((words) => words.join(''))

  test('nothing is thrown, and an address stands in the text as it is', () => {
    fc.assert(
      fc.property(text, (given) => {
        const { email, guesses } = readIntroduction(given)
        if (email === null) return
        const completed = guesses.some(({ code }) => code === 'ending')
        expect(given).toContain(completed ? email.slice(0, email.lastIndexOf('.')) : email)
      }),
      { numRuns: 2000 },
    )
  })

  test('what everybody may read holds no address', () => {
    fc.assert(
      fc.property(fc.emailAddress(), fc.constantFrom(...usual), (address, field) => {
        const filled = usual.map((name, index) => `${name}: ${name === field ? `${answers[index]} ${address}` : answers[index]}`).join('\n')
        const { name, organization, invitedBy, interests } = readIntroduction(filled)
        expect(JSON.stringify([name, organization, invitedBy, interests])).not.toContain('@')
      }),
    )
  })

  test('a long text takes no long time', () => {
    const begun = performance.now()
    for (const piece of ['a@', '1. ', 'Name: ', '((', '**a', 'a b ', '> ', '@a.', 'x-']) readIntroduction(piece.repeat(20_000))
    expect(performance.now() - begun).toBeLessThan(5_000)
  })
})
