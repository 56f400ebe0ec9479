import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { UserId } from '../types.ts'
import { parseMarkdown } from './templates-markdown.ts'
import { renderBlocks, tidy } from './templates-render.ts'
import type { Filling } from './templates-render.ts'
import { describeTemplateProblem, loadTemplates, placeholdersOf, templateNames, templatesDirectory } from './templates.ts'
import type { SharedValues, Templates } from './templates.ts'

const shared: SharedValues = {
  community: 'Example & Friends',
  bot: 'Gatehouse',
  ssoUrl: 'https://sso.example.org',
  supportRoom: { name: 'Help desk', url: 'https://matrix.to/#/%23help%3Aexample.org' },
}

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-templates-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const problems = (files: Record<string, string>, extra: Record<string, string> = {}): readonly string[] => {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const result = loadTemplates({ directory: folder, shared, extra })
  return result.ok ? [] : result.problems.map((problem) => describeTemplateProblem(problem).replace(`${folder}/`, ''))
}
const load = (
  more: { readonly directory?: string; readonly extra?: Record<string, string>; readonly shared?: SharedValues } = {},
): Templates => {
  const result = loadTemplates({ shared, ...more })
  if (!result.ok) throw new Error(result.problems.map((problem) => describeTemplateProblem(problem)).join('\n'))
  return result.templates
}
/** Renders text with fillings, without files. */
const show = (source: string, fillings: Record<string, Filling> = {}) => {
  const parsed = parseMarkdown(source)
  expect(parsed.problems).toEqual([])
  return renderBlocks(parsed.blocks, new Map(Object.entries(fillings)))
}
const text = (value: string): Filling => ({ kind: 'text', text: value })

describe('further welcomes of the operator', () => {
  test('a file welcome-<name>.md is one, with the placeholders of a welcome with credentials', () => {
    writeFileSync(join(folder, 'welcome-guests.md'), 'Dear {name}, a guest of {community}. {recoveryUrl}\n\nRooms: {invited}')
    const templates = load({ directory: folder })
    expect(templates.welcomes).toEqual(['guests'])
    const values = { name: 'Ada', username: 'ada', recoveryUrl: 'https://sso.example.org/x', lifetime: '1 h' }
    expect(templates.render('welcome-with-credentials', values, 'guests').body).toBe(
      'Dear Ada, a guest of Example & Friends. https://sso.example.org/x',
    )
    expect(templates.render('welcome', { name: 'Ada', invited: 'Tech' }, 'guests').body).toBe('Rooms: Tech')
    // One that is gone since is passed over.
    expect(templates.render('welcome', { name: 'Ada' }, 'gone').body).toMatch(/^Welcome to/)
    expect(load().welcomes).toEqual([])
  })

  test('is checked at the start as every template', () => {
    expect(problems({ 'welcome-guests.md': 'Dear {nobody}' })).toEqual([
      expect.stringMatching(/^welcome-guests\.md:1: \{nobody\} is not a placeholder/),
    ])
    expect(problems({ 'welcome-guests.md': 'Dear {name}', 'welcome_other.md': 'x' })).toEqual([
      expect.stringMatching(/^welcome_other\.md: there is no template of this name/),
    ])
  })
})

describe('the templates that ship', () => {
  test('load, and hold no address of their own', () => {
    const templates = load()
    for (const name of templateNames) {
      expect(templates.version(name)).toMatch(/^[0-9a-f]{12}$/)
      expect(readFileSync(join(templatesDirectory, `${name}.md`), 'utf8')).not.toMatch(/https?:\/\//)
    }
  })

  test('a welcome with a recovery link', () => {
    const { body, formattedBody, mentions } = load().render('welcome-with-credentials', {
      name: 'Zoë <b>',
      username: 'zoe-maple42',
      recoveryUrl: 'https://sso.example.org/if/flow/recovery/?flow_token=a&b=c',
      lifetime: '24 hours',
      invited: 'Tech and Hiking',
      rooms: [{ name: 'Music & more', url: 'https://matrix.to/#/%21music?via=example.org' }],
    })
    expect(body).toContain('Welcome to Example & Friends, Zoë <b>!')
    expect(body).toContain('for 24 hours: https://sso.example.org/if/flow/recovery/?flow_token=a&b=c')
    expect(body).toContain('invited you to Tech and Hiking.')
    expect(body).toContain('tap Join:\n- Music & more (https://matrix.to/#/%21music?via=example.org)')
    expect(body).toContain('Ask in Help desk (https://matrix.to/#/%23help%3Aexample.org).')
    expect(body).not.toContain('passphrase')
    expect(body).not.toContain('rules')
    expect(body).not.toMatch(/[{}]|undefined|<!--/)
    expect(formattedBody).toContain('<strong>Example &amp; Friends</strong>, Zoë &lt;b&gt;!')
    expect(formattedBody).toContain('<a href="https://sso.example.org/if/flow/recovery/?flow_token=a&amp;b=c">')
    expect(formattedBody).toContain('<ul><li><a href="https://matrix.to/#/%21music?via=example.org">Music &amp; more</a></li></ul>')
    expect(formattedBody).toContain('<code>zoe-maple42</code>')
    expect(mentions).toEqual([])
  })

  test('with a passphrase instead', () => {
    const { body } = load().render('welcome-with-credentials', {
      name: 'Ada',
      username: 'ada-maple42',
      passphrase: 'one-two-three-four-five',
    })
    expect(body).toContain('Your passphrase is one-two-three-four-five\nPlease keep it')
    expect(body).not.toMatch(/recovery|the link works/)
    expect(body).not.toContain('invited')
  })

  test('people in INDOC are addressed with pills that notify', () => {
    const people = [
      { userId: '@ada:example.org' as UserId, name: 'Ada' },
      { userId: '@bob:example.org' as UserId, name: '<i>Bob</i>' },
      { userId: '@eve:example.org' as UserId, name: '' },
    ]
    const { body, formattedBody, mentions } = load().render('introduction-prompt', { people, deadline: '24 hours' })
    expect(body).toMatch(/^Welcome, Ada, <i>Bob<\/i> and @eve:example\.org! /)
    expect(formattedBody).toContain('<a href="https://matrix.to/#/%40bob%3Aexample.org">&lt;i&gt;Bob&lt;/i&gt;</a>')
    expect(formattedBody).toContain('<ol><li>Your name</li>')
    expect(body).toContain('1. Your name\n2. Your organization')
    expect(mentions).toEqual(people.map(({ userId }) => userId))
    expect(load().render('graduation', { people: people.slice(0, 1) }).body).toMatch(/^Ada, you have arrived/)
  })

  test('one paragraph has no frame', () => {
    expect(load().render('hello', { name: 'Ada' }).formattedBody).toMatch(/^Hello Ada, I am Gatehouse/)
  })
})

describe("the operator's own templates", () => {
  test('replace those of the same name and change its version only', () => {
    writeFileSync(join(folder, 'hello.md'), 'Moin {name}! {motto} {shop}')
    writeFileSync(join(folder, 'notes.txt'), '{anything}')
    writeFileSync(join(folder, 'README.md'), '{anything}')
    const own = load({ directory: folder, extra: { motto: 'Be kind & calm', shop: 'https://shop.example.org' } })
    expect(own.render('hello', { name: 'Ada' })).toEqual({
      body: 'Moin Ada! Be kind & calm https://shop.example.org',
      formattedBody: 'Moin Ada! Be kind &amp; calm <a href="https://shop.example.org">https://shop.example.org</a>',
      mentions: [],
    })
    expect(own.version('hello')).not.toBe(load().version('hello'))
    expect(own.version('welcome')).toBe(load().version('welcome'))
  })

  test.each<[string, Record<string, string>, readonly (string | RegExp)[]]>([
    [
      'unknown placeholder',
      { 'hello.md': 'Hi\n\n- {name}\n- {nmae}' },
      [/^hello\.md:4: \{nmae\} is not a placeholder of this template; known: appUrl, bot, /],
    ],
    ['one of another template', { 'hello.md': '{username}' }, [/^hello\.md:1: \{username\} is not/]],
    [
      'in code and in a link',
      { 'hello.md': 'a\nb `{x}` [c {y}]({z})' },
      [/^hello\.md:2: \{x\}/, /^hello\.md:2: \{y\}/, /^hello\.md:2: \{z\}/],
    ],
    ['of the prototype', { 'hello.md': '{constructor}' }, [/^hello\.md:1: \{constructor\} is not/]],
    ['a brace alone', { 'hello.md': 'a\n{ b' }, ['hello.md:2: a { that begins no placeholder; write \\{ for the sign itself']],
    ['a brace with blanks', { 'hello.md': '{ name }' }, [/^hello\.md:1: a \{ that begins/]],
    [
      'a list in a line',
      { 'welcome.md': 'See {rooms}.' },
      ['welcome.md:1: {rooms} is a list: it has to stand alone on the last line of its paragraph'],
    ],
    ['people as a target', { 'graduation.md': '[x]({people})' }, [/^graduation\.md:1: \{people\} is people/]],
    ['empty', { 'hello.md': '<!-- {nothing}\n -->\n' }, ['hello.md: is empty']],
    ['too long', { 'hello.md': 'x'.repeat(12_001) }, ['hello.md: is longer than 12000 bytes']],
    ['a name that nothing reads', { 'helo.md': 'Hi' }, [/^helo\.md: there is no template of this name; known: hello, /]],
  ])('%s', (_name, files, expected) => {
    const found = problems(files)
    expect(found).toHaveLength(expected.length)
    expected.forEach((each, index) => expect(found[index]).toMatch(each))
  })

  test('lines are counted through comments and Windows line ends', () => {
    expect(problems({ 'hello.md': '<!-- one\ntwo -->\r\n{x}' })).toEqual([expect.stringMatching(/^hello\.md:3: /)])
  })

  test('further placeholders may not hide the known ones', () => {
    expect(problems({}, { username: 'x', other: 'y' })).toEqual(['community.placeholders: username is a placeholder already'])
    expect(placeholdersOf('hello', { name: 'x' }).get('name')).toBe('text')
  })

  test('a folder or a file that is missing', () => {
    const result = loadTemplates({ directory: join(folder, 'none'), shared })
    expect(result).toMatchObject({ ok: false, problems: [{ file: join(folder, 'none'), text: 'cannot be read (ENOENT)' }] })
    const bare = loadTemplates({ builtIn: folder, shared })
    expect(bare.ok ? [] : bare.problems.map(({ text: problem }) => problem)).toEqual(templateNames.map(() => 'is missing'))
  })
})

describe('Markdown', () => {
  test.each<[string, string, string, string]>([
    ['plain', 'a\nb', 'a b', 'a b'],
    ['paragraphs', 'a\n\n\nb', 'a\n\nb', '<p>a</p><p>b</p>'],
    ['bold, italics, code', '**a** *b* `c*`', 'a b c*', '<strong>a</strong> <em>b</em> <code>c*</code>'],
    ['nested', '**a *b* c**', 'a b c', '<strong>a <em>b</em> c</strong>'],
    ['signs without an end', '**a *b `c [d](', '**a *b `c [d](', '**a *b `c [d]('],
    ['stars between blanks', '2 * 3 * 4', '2 * 3 * 4', '2 * 3 * 4'],
    ['crossed signs do not stop the rest', '**a *b** c* d', 'a b* c* d', '<strong>a <em>b</em>* c* d</strong>'],
    ['nothing inside', '**** ``', '**** ``', '**** ``'],
    ['escapes', '\\*a\\* \\{b\\} \\\\ \\c', '*a* {b} \\ \\c', '*a* {b} \\ \\c'],
    ['a backslash in code', '`a\\b`', 'a\\b', '<code>a\\b</code>'],
    ['a backslash at the end', 'a\\', 'a\\', 'a\\'],
    ['line break', 'a\\\nb', 'a\nb', 'a<br />b'],
    ['HTML is text', '<script>&"\'', '<script>&"\'', '&lt;script&gt;&amp;&quot;&#39;'],
    ['comments go', 'a <!-- b\n\nc --> d', 'a\n\nd', '<p>a</p><p>d</p>'],
    [
      'link',
      '[a **b**](https://x.org/?a=1&b)',
      'a b (https://x.org/?a=1&b)',
      '<a href="https://x.org/?a=1&amp;b">a <strong>b</strong></a>',
    ],
    ['link that shows itself', '[https://x.org](https://x.org)', 'https://x.org', '<a href="https://x.org">https://x.org</a>'],
    ['link to nowhere good', '[a](javascript:x)', 'a', 'a'],
    ['mail', '[a](mailto:a@x.org)', 'a (mailto:a@x.org)', '<a href="mailto:a@x.org">a</a>'],
    ['list', '- a\n- b\n  c\n- d', '- a\n- b c\n- d', '<ul><li>a</li><li>b c</li><li>d</li></ul>'],
    ['stars as list', '* a\n* b', '- a\n- b', '<ul><li>a</li><li>b</li></ul>'],
    ['numbers', '3. a\n4) b', '1. a\n2. b', '<ol><li>a</li><li>b</li></ol>'],
    ['two lists', '- a\n1. b', '- a\n\n1. b', '<ul><li>a</li></ul><ol><li>b</li></ol>'],
    ['list after text and text after list', 'a\n- b\nc', 'a\n\n- b\n\nc', '<p>a</p><ul><li>b</li></ul><p>c</p>'],
  ])('%s', (_name, source, body, formattedBody) => {
    expect(show(source)).toEqual({ body, formattedBody, mentions: [] })
  })

  test('what stands for a placeholder is never Markdown, HTML or a new line', () => {
    const evil = '**x** [y](https://evil.org)\n\n- {name} <b> \u202etxt'
    expect(show('Hi {name}!', { name: text(evil) })).toEqual({
      body: 'Hi **x** [y](https://evil.org) - {name} <b> txt!',
      formattedBody: 'Hi **x** [y](https://evil.org) - {name} &lt;b&gt; txt!',
      mentions: [],
    })
    expect(tidy(' a\u0007\tb ')).toBe('a b')
  })

  test('an empty placeholder takes its paragraph or list item along', () => {
    const source = 'a {x}\n\n**b {x}**\n\n[c {x}](https://x.org)\n\n[d]({x})\n\n- e {x}\n- f\n\n1. g {x}\n\nh\n{x}\n\ni {y}'
    for (const empty of [
      {},
      { x: text(' ') },
      { x: { kind: 'link', url: '', text: '' } as const },
      { x: { kind: 'people', people: [] } as const },
    ]) {
      expect(show(source, { ...empty, y: text('z') }).body).toBe('- f\n\ni z')
    }
  })

  test('targets are built of text and placeholders, and must open a page', () => {
    const fillings = { base: { kind: 'link', url: 'https://x.org', text: 'x' } as const, id: text('7'), bad: text('javascript:alert(1)') }
    expect(show('[a]({base}/b/{id})', fillings).body).toBe('a (https://x.org/b/7)')
    expect(show('[a]({bad})', fillings)).toMatchObject({ body: 'a', formattedBody: 'a' })
    expect(show('[a]({people})', { people: { kind: 'people', people: [] } }).body).toBe('')
  })

  test('lists of links', () => {
    const links = {
      kind: 'links',
      links: [
        { name: 'A <', url: 'https://a.org' },
        { name: 'B', url: 'nowhere' },
      ],
    } as const
    expect(show('Rooms:\n{rooms}', { rooms: links })).toMatchObject({
      body: 'Rooms:\n- A < (https://a.org)\n- B',
      formattedBody: '<p>Rooms:</p><ul><li><a href="https://a.org">A &lt;</a></li><li>B</li></ul>',
    })
    expect(show('{rooms}', { rooms: links }).formattedBody).toMatch(/^<ul>/)
    expect(show('Rooms:\n{rooms}', { rooms: { kind: 'links', links: [] } }).body).toBe('')
    expect(show('a {rooms}', { rooms: links }).body).toBe('a A < (https://a.org) and B')
    expect(show('a {rooms}', { rooms: { kind: 'links', links: [] } }).body).toBe('')
  })

  test('an ordinary placeholder alone on its line goes on with the paragraph', () => {
    expect(show('Write to\n{x}', { x: text('us') })).toMatchObject({ body: 'Write to us', formattedBody: 'Write to us' })
    expect(show('{x}', { x: text('us') }).body).toBe('us')
    expect(show('a {y}\n{x}', { x: text('us') }).body).toBe('')
  })
})
