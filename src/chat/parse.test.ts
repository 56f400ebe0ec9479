import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { declarations } from '../commands/declarations.ts'
import { toUserId } from '../matrix/ids.ts'
import type { CommandDeclaration } from './declaration.ts'
import { createParser, type ParseResult } from './parse.ts'
import type { Pill } from './pills.ts'
import { quote } from './tokenise.ts'

const parse = createParser(declarations)

/** The values of the arguments: people and rooms by value. */
const values = (result: ParseResult): Record<string, unknown> => {
  if (!result.ok) throw new Error(`${result.code}: ${result.words}`)
  const value = (item: unknown): unknown =>
    Array.isArray(item) ? item.map(value) : typeof item === 'object' && item !== null && 'value' in item ? item.value : item
  return Object.fromEntries(Object.entries(result.arguments).map(([name, item]) => [name, value(item)]))
}
const problem = (line: string): Record<string, unknown> => {
  const result = parse(line)
  if (result.ok) throw new Error(`understood: ${line}`)
  const { code, suggestions, position } = result
  return { code, suggestions, ...(position !== undefined && { position }) }
}

describe('as a person means it', () => {
  test.each<[string, Record<string, unknown>]>([
    ['remove @a --rooms tech @b', { users: ['a', 'b'], rooms: ['tech'] }],
    ['Remove @a:x', { users: ['@a:x'] }],
    ['REMOVE @a:x --ROOMS tech --Ban', { users: ['@a:x'], rooms: ['tech'], ban: true }],
    ['remove --rooms tech @a:x @b:x', { users: ['@a:x', '@b:x'], rooms: ['tech'] }],
    ['remove @a:x, @b:x,@c:x , @d:x', { users: ['@a:x', '@b:x', '@c:x', '@d:x'] }],
    ['remove @a:x @a:x,@a:x', { users: ['@a:x'] }],
    ['remove @a:x and @b:x & @c:x', { users: ['@a:x', '@b:x', '@c:x'] }],
    ['gtg --name Ada @ada:x', { user: '@ada:x', name: 'Ada' }],
    ['remove @a:x and', { users: ['@a:x', 'and'] }],
    ['remove @a:x "and" @b:x', { users: ['@a:x', 'and', '@b:x'] }],
    ['remove @a:x here', { users: ['@a:x'], rooms: ['here'] }],
    ['remove @a:x HERE @b:x', { users: ['@a:x', '@b:x'], rooms: ['here'] }],
    ['remove @a:x --here', { users: ['@a:x'], rooms: ['here'] }],
    ['remove @a:x "here"', { users: ['@a:x', 'here'] }],
    ['remove @a:x -- here', { users: ['@a:x', 'here'] }],
    ['remove @a:x --rooms here, tech', { users: ['@a:x'], rooms: ['here', 'tech'] }],
    ['remove @a:x --rooms tech , cats @b:x', { users: ['@a:x', '@b:x'], rooms: ['tech', 'cats'] }],
    ['remove @a:x --rooms=tech, cats @b:x', { users: ['@a:x', '@b:x'], rooms: ['tech', 'cats'] }],
    ['remove @a:x --rooms tech, --ban', { users: ['@a:x'], rooms: ['tech'], ban: true }],
    ['remove @a:x --rooms "General chat",tech', { users: ['@a:x'], rooms: ['General chat', 'tech'] }],
    ['remove @a:x --rooms "General chat, tech"', { users: ['@a:x'], rooms: ['General chat', 'tech'] }],
    ['remove @a:x --rooms "Cats, dogs",tech', { users: ['@a:x'], rooms: ['Cats, dogs', 'tech'] }],
    ['remove @a:x --rooms tech --rooms cats,tech', { users: ['@a:x'], rooms: ['tech', 'cats'] }],
    ['remove\u00a0@a:x\u00a0—rooms\u00a0tech –ban', { users: ['@a:x'], rooms: ['tech'], ban: true }],
    ['remove @a:x —reason “being rude”', { users: ['@a:x'], reason: 'being rude' }],
    ['remove @a:x --reason="--ban"', { users: ['@a:x'], reason: '--ban' }],
    ['remove @a:x --reason "--ban"', { users: ['@a:x'], reason: '--ban' }],
    ['remove @a:x --reason -5', { users: ['@a:x'], reason: '-5' }],
    ['remove @a:x --reason -', { users: ['@a:x'], reason: '-' }],
    ['remove @a:x --reason ""', { users: ['@a:x'], reason: '' }],
    ['remove --redact @a:x', { users: ['@a:x'], redact: 100 }],
    ['remove @a:x --redact', { users: ['@a:x'], redact: 100 }],
    ['remove @a:x --redact --ban', { users: ['@a:x'], redact: 100, ban: true }],
    ['remove --redact 5 @a:x', { users: ['@a:x'], redact: 5 }],
    ['remove 2 #k3 #4', { users: ['2', 'k3', '4'] }],
    ['remove @a:x https://matrix.to/#/@b:x <https://matrix.to/#/%40c%3Ax>, matrix:u/d:x', { users: ['@a:x', '@b:x', '@c:x', '@d:x'] }],
    ['addto tech, cats @a:x', { rooms: ['tech', 'cats'], users: ['@a:x'] }],
    ['addto !r:x,#r:x,#tech https://matrix.to/#/@a:x', { rooms: ['!r:x', '#r:x', 'tech'], users: ['@a:x'] }],
    ['addto outdoor #k3', { rooms: ['outdoor'], users: ['k3'] }],
    ['adduser Ada Lovelace --email ada@example.org', { first: 'Ada', last: 'Lovelace', email: 'ada@example.org' }],
    ['adduser Ada --email ada@example.org Lovelace', { first: 'Ada', last: 'Lovelace', email: 'ada@example.org' }],
    ['adduser --email ada@example.org Ada de la Cruz', { first: 'Ada', last: 'de la Cruz', email: 'ada@example.org' }],
    ['adduser Conan O’Brien --interests “maths, poetry”', { first: 'Conan', last: 'O’Brien', interests: ['maths', 'poetry'] }],
    ['adduser Ada --interests maths, “board games”', { first: 'Ada', interests: ['maths', 'board games'] }],
    ['adduser Ada --no-rooms --keep-in-indoc --no-welcome', { first: 'Ada', 'no-rooms': true, 'keep-in-indoc': true, 'no-welcome': true }],
    ['adduser Ada --organisation "Analytical Society"', { first: 'Ada', organization: 'Analytical Society' }],
    ['adduser Ada —keep‑in‑indoc', { first: 'Ada', 'keep-in-indoc': true }],
    ['adduser Ada --matrix @ada:x: --groups a,b', { first: 'Ada', matrix: '@ada:x', groups: ['a', 'b'] }],
    ['rooms', {}],
    ['rooms board games --page 2', { query: 'board games', page: 2 }],
    ['rooms board --page 2 games', { query: 'board games', page: 2 }],
    ['rooms --category tech board', { query: 'board', category: 'tech' }],
    ['room General chat', { room: 'General chat' }],
    ['recommend hiking, board games', { interests: ['hiking', 'board games'] }],
    ['invite Ada --expires 2D', { name: 'Ada', expires: 172_800_000 }],
    ['retry #41', { id: 41 }],
    ['sync INDOC', { scope: 'indoc' }],
    ['audit --since 90s', { since: 90_000 }],
  ])('%s', (line, expected) => {
    expect(values(parse(line))).toEqual(expected)
  })

  test('--dry-run belongs to every command that changes something, and to no other', () => {
    expect(parse('remove @a:x —dry–run')).toMatchObject({ ok: true, dryRun: true })
    expect(parse('remove @a:x')).toMatchObject({ ok: true, dryRun: false })
    expect(parse('rooms --dry-run')).toMatchObject({ ok: false, code: 'unknown-option' })
  })

  test('a pill is one person, whatever its name looks like', () => {
    const name = 'Ada "--ban" Lovelace'
    const line = `remove ${name}: @b:x`
    const pill: Pill = { start: 7, end: 7 + name.length, text: name, target: { kind: 'user', userId: toUserId('@ada:x') } }
    const result = parse(line, [pill])
    expect(values(result)).toEqual({ users: ['@ada:x', '@b:x'] })
    expect(result.ok && result.arguments['users']).toEqual([
      { raw: name, as: 'mxid', value: '@ada:x' },
      { raw: '@b:x', as: 'mxid', value: '@b:x' },
    ])
  })
})

describe('what is not understood', () => {
  test.each<[string, Record<string, unknown>]>([
    ['remvoe @a:x', { code: 'unknown-command', suggestions: ['remove', 'revoke'], position: 0 }],
    ['invitex Ada', { code: 'unknown-command', suggestions: ['invite', 'invites'], position: 0 }],
    ['ping!', { code: 'unknown-command', suggestions: ['ping'], position: 0 }],
    ['constructor', { code: 'unknown-command', suggestions: [], position: 0 }],
    ['__proto__', { code: 'unknown-command', suggestions: [], position: 0 }],
    ['', { code: 'unknown-command', suggestions: [], position: 0 }],
    ['wow "that', { code: 'unknown-command', suggestions: [], position: 0 }],
    ['remove @a:x --room tech', { code: 'unknown-option', suggestions: ['--rooms'], position: 12 }],
    ['remove @a:x -rooms tech', { code: 'unknown-option', suggestions: ['--rooms'], position: 12 }],
    ['remove @a:x --cat tech', { code: 'unknown-option', suggestions: ['--category'], position: 12 }],
    ['remove @a:x --__proto__=1', { code: 'unknown-option', suggestions: [], position: 12 }],
    ['remove @a:x --constructor', { code: 'unknown-option', suggestions: [], position: 12 }],
    ['remove @a:x --here=1', { code: 'unknown-option', suggestions: [], position: 12 }],
    ['remove @a:x ---', { code: 'none', suggestions: [] }],
    ['remove', { code: 'missing-argument', suggestions: [] }],
    ['remove ,', { code: 'missing-argument', suggestions: [] }],
    ['remove --rooms tech', { code: 'missing-argument', suggestions: [] }],
    ['addto tech', { code: 'missing-argument', suggestions: [] }],
    ['remove @a:x --reason', { code: 'missing-value', suggestions: [], position: 12 }],
    ['remove @a:x --reason --ban', { code: 'missing-value', suggestions: [], position: 12 }],
    ['remove @a:x --rooms=', { code: 'missing-value', suggestions: [], position: 12 }],
    ['remove @a:x --ban=yes', { code: 'unexpected-value', suggestions: [], position: 12 }],
    ['ping me', { code: 'excess-argument', suggestions: [], position: 5 }],
    ['retry 41 42', { code: 'excess-argument', suggestions: [], position: 9 }],
    ['adduser Ada Love --organization Analytical Society', { code: 'excess-argument', suggestions: [], position: 43 }],
    ['gtg --name Ada Lovelace', { code: 'excess-argument', suggestions: [], position: 15 }],
    ['rooms board --category tech games', { code: 'excess-argument', suggestions: [], position: 28 }],
    ['remove @a:x --reason spam --reason rude', { code: 'duplicate-option', suggestions: [], position: 35 }],
    ['remove @a:x --rooms tech --category cats', { code: 'conflicting-options', suggestions: [], position: 25 }],
    ['adduser Ada --no-rooms --rooms tech', { code: 'conflicting-options', suggestions: [], position: 23 }],
    ['remove @a:x #tech:x', { code: 'bad-value', suggestions: [], position: 12 }],
    ['remove @a:x --rooms @b:x', { code: 'bad-value', suggestions: [], position: 20 }],
    ['remove @a:x --rooms ,', { code: 'bad-value', suggestions: [], position: 20 }],
    ['remove @a:x --redact=many', { code: 'bad-value', suggestions: [], position: 12 }],
    ['rooms --page 0', { code: 'bad-value', suggestions: [], position: 13 }],
    ['sync ful', { code: 'bad-value', suggestions: ['full'], position: 5 }],
    ['invite Ada --expires 7 days', { code: 'bad-value', suggestions: [], position: 21 }],
    ['adduser Ada --email ada@', { code: 'bad-value', suggestions: [], position: 20 }],
    ['remove "@a:x', { code: 'unterminated-quote', suggestions: [], position: 7 }],
    ['remove @a:x --reason “rude', { code: 'unterminated-quote', suggestions: [], position: 21 }],
    [`rooms ${'x'.repeat(8192)}`, { code: 'too-long', suggestions: [] }],
  ])('%s', (line, expected) => {
    if (expected['code'] === 'none') expect(parse(line).ok).toBe(true)
    else expect(problem(line)).toEqual(expected)
  })

  test('the words name the option, the argument and the usage', () => {
    expect(parse('remove')).toMatchObject({ words: expect.stringMatching(/^<@user,…> is missing\. Usage: `!remove <@user,…> \[--rooms/) })
    expect(parse('remove @a:x --redact=0')).toMatchObject({ words: '--redact: “0” is no whole number between 1 and 1000' })
    expect(parse('remove @a:x --rooms tech --category x')).toMatchObject({
      words: expect.stringMatching(/^`--rooms` and `--category` exclude/),
    })
  })
})

describe('declarations', () => {
  const base: CommandDeclaration = {
    name: 'x',
    summary: 'do x',
    examples: [],
    role: 'everyone',
    rooms: ['dm'],
    effect: 'none',
    positionals: [],
    options: [],
  }
  const text = { kind: 'text' } as const
  test('aliases are names', () => {
    expect(createParser([{ ...base, aliases: ['why-not'] }])('Why-Not')).toMatchObject({ ok: true, declaration: { name: 'x' } })
  })
  test('two of one name, two arguments of one name, words after a rest: bugs that show at the start', () => {
    expect(() => createParser([base, base])).toThrow('two commands are called x')
    const name = { name: 'a', type: text, required: false, summary: '' }
    expect(() => createParser([{ ...base, positionals: [name], options: [{ name: 'a', summary: '' }] }])).toThrow(
      'two arguments of x are called a',
    )
    expect(() =>
      createParser([
        {
          ...base,
          positionals: [
            { ...name, rest: true },
            { ...name, name: 'b' },
          ],
        },
      ]),
    ).toThrow()
  })
  test('several users in one option, given twice, are one list', () => {
    const users = createParser([{ ...base, options: [{ name: 'who', type: { kind: 'users' }, summary: '' }] }])
    expect(values(users('x --who @a:x,@b:x --who @b:x,@c:x'))).toEqual({ who: ['@a:x', '@b:x', '@c:x'] })
  })
  test('names of object members are plain names', () => {
    const odd = createParser([
      {
        ...base,
        options: [
          { name: 'constructor', type: text, summary: '' },
          { name: 'tostring', summary: '' },
        ],
      },
    ])
    const result = odd('x --constructor y')
    expect(values(result)).toEqual({ constructor: 'y' })
    expect(result.ok && Object.getPrototypeOf(result.arguments)).toBeNull()
    expect(values(odd('x'))).toEqual({})
  })
})

describe('properties', () => {
  const names = declarations.map(({ name }) => name)
  const word = fc.oneof(
    fc.constantFrom(
      '--rooms',
      '--',
      '-',
      '—',
      '--reason',
      '"',
      '“',
      ',',
      '=',
      '@a:x',
      '#k3',
      'here',
      '2',
      '--redact',
      '--dry-run',
      '--email=',
      '7d',
      '__proto__',
    ),
    fc.string({ unit: 'binary', maxLength: 8 }),
  )
  test('never throws, whatever follows a name', () => {
    fc.assert(
      fc.property(fc.constantFrom(...names, 'nothing'), fc.array(word, { maxLength: 12 }), (name, words) => {
        const result = parse(`${name} ${words.join(' ')}`)
        if (result.ok) expect(names).toContain(result.declaration.name)
        else expect(result.words).not.toBe('')
      }),
      { numRuns: 300 },
    )
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
  test('a quoted value arrives as it was written', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('ab "\'“”‘’\\-—,=é😀')) }), (reason) => {
        expect(values(parse(`remove @a:x --reason ${quote(reason)} @b:x`))).toEqual({ users: ['@a:x', '@b:x'], reason: reason.trim() })
      }),
    )
  })
})
