import { Readable } from 'node:stream'
import { Command } from 'commander'
import * as fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { registerTry, tryCommand, tryIntroduction, type TryOptions } from './try.ts'

const run = async (options: TryOptions): Promise<unknown[]> => {
  const lines: string[] = []
  expect(await tryCommand({ write: (line) => void lines.push(line), ...options })).toBe(0)
  expect(lines.every((line) => !line.includes('\n'))).toBe(true)
  return lines.map((line) => JSON.parse(line) as unknown)
}
const one = async (text: string, formatted?: string, more: TryOptions = {}): Promise<unknown> =>
  (await run({ text, ...(formatted !== undefined && { formatted }), ...more }))[0]

afterEach(() => {
  vi.restoreAllMocks()
  process.exitCode = undefined
})

describe('one text', () => {
  test('understood: names and values as a program wants them', async () => {
    expect(await one('!remove @a:hs --rooms tech @b:hs')).toEqual({
      command: 'remove',
      args: ['@a:hs', '@b:hs'],
      options: { rooms: ['tech'] },
    })
    expect(await one('!remove @a --rooms tech @b')).toEqual({ command: 'remove', args: ['@a', '@b'], options: { rooms: ['tech'] } })
    expect(await one('!remove 2 #k3 here —dry-run')).toEqual({
      command: 'remove',
      args: ['2', '#k3'],
      options: { rooms: ['here'], 'dry-run': true },
    })
    expect(await one('!adduser Ada Lovelace --matrix @ada:hs --interests "a, b" --keep-in-indoc')).toEqual({
      command: 'adduser',
      args: ['Ada', 'Lovelace'],
      options: { matrix: '@ada:hs', interests: ['a', 'b'], 'keep-in-indoc': true },
    })
    expect(await one('!invite Ada --expires 7d')).toEqual({ command: 'invite', args: ['Ada'], options: { expires: 604_800_000 } })
    expect(await one('!retry 41')).toEqual({ command: 'retry', args: [41], options: {} })
  })
  test('pills', async () => {
    const pill = '<a href="https://matrix.to/#/@ada:hs">Ada Lovelace</a>'
    expect(await one('!remove Ada Lovelace: --ban', `!remove ${pill}: --ban`)).toMatchObject({ args: ['@ada:hs'], options: { ban: true } })
    expect(await one('Gatehouse: rooms', '<a href="https://matrix.to/#/@gate:hs">Gatehouse</a>: rooms')).toMatchObject({ command: 'rooms' })
    const porter: [string, string] = ['Porter: rooms', '<a href="https://matrix.to/#/@gate:hs">Porter</a>: rooms']
    expect(await one(...porter)).toEqual({ command: null, ignored: 'not-addressed' })
    expect(await one(...porter, { botUserId: '@gate:hs' })).toMatchObject({ command: 'rooms' })
    expect(await one(...porter, { botUserId: 'no id', botNames: ['Porter'] })).toMatchObject({ command: 'rooms' })
  })
  test('ignored, and not understood', async () => {
    expect(await one('hello')).toEqual({ command: null, ignored: 'not-addressed' })
    expect(await one('?ping', undefined, { prefixes: ['?'] })).toMatchObject({ command: 'ping' })
    expect(await one('  !remove "x')).toEqual({
      command: 'remove',
      error: { code: 'unterminated-quote', message: 'This quote is never closed', suggestions: [], position: 10 },
    })
    expect(await one('!remvoe')).toMatchObject({
      command: null,
      error: { code: 'unknown-command', suggestions: ['remove', 'revoke'], position: 1 },
    })
    const { error } = (await one('!remove')) as { error: object }
    expect(Object.hasOwn(error, 'position')).toBe(false)
  })
  test('nothing to read', async () => {
    const complain = vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    expect(await tryCommand({})).toBe(2)
    expect(complain).toHaveBeenCalledOnce()
  })
})

describe('lines of JSON', () => {
  test('one answer a line, in order, with the id', async () => {
    const lines = [
      { id: 1, input: '!ping' },
      { id: 'b', input: 'Ada: hi', formatted: null },
      { input: '!ping' },
      { id: 4, input: 5 },
      { id: { deep: 1 }, input: '!ping' },
      '__proto__',
      [],
    ].map((line) => JSON.stringify(line))
    expect(await run({ jsonl: true, input: [...lines, '', '{', ' '] })).toEqual([
      { id: 1, command: 'ping', args: [], options: {} },
      { id: 'b', command: null, ignored: 'not-addressed' },
      { id: null, command: 'ping', args: [], options: {} },
      { id: 4, command: null, error: expect.objectContaining({ code: 'bad-line' }) as unknown },
      { id: null, command: null, error: expect.objectContaining({ code: 'bad-line' }) as unknown },
      { id: null, command: null, error: expect.objectContaining({ code: 'bad-line' }) as unknown },
      { id: null, command: null, error: expect.objectContaining({ code: 'bad-line' }) as unknown },
      { id: null, command: null, error: { code: 'bad-line', message: 'the line is no JSON', suggestions: [] } },
    ])
  })
  test('never crashes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), async (input, formatted) => {
        const answers = await run({ jsonl: true, input: [JSON.stringify({ id: 1, input: `!${input}`, formatted })] })
        expect(answers).toHaveLength(1)
      }),
      { numRuns: 50 },
    )
  })
})

describe('the program', () => {
  const program = (): Command => {
    const command = new Command('gatehouse').exitOverride()
    registerTry(command)
    return command
  }
  test('arguments reach the command, the exit code reaches the process', async () => {
    const output: string[] = []
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      output.push(String(text))
      return true
    })
    await program().parseAsync(['try', 'command', '!ping'], { from: 'user' })
    const html = '<a href="matrix:u/gate:hs">P</a> ping'
    const flags = ['--formatted', html, '--prefix', '?', '--prefix', '!', '--bot-name', 'X', '--bot-name', 'Y', '--bot-user-id', '@gate:hs']
    await program().parseAsync(['try', 'command', 'P ping', ...flags], { from: 'user' })
    expect(output).toEqual(Array(2).fill('{"command":"ping","args":[],"options":{}}\n'))
    expect(process.exitCode).toBe(0)
  })
  test('standard input is read line by line', async () => {
    const output: string[] = []
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      output.push(String(text))
      return true
    })
    const input = Readable.from(['{"id":1,"input":', '"!ping"}\r\n{"id":2,"input":"x"}'])
    vi.spyOn(process, 'stdin', 'get').mockReturnValue(input as unknown as typeof process.stdin)
    await program().parseAsync(['try', 'command', '--jsonl'], { from: 'user' })
    expect(output).toEqual(['{"id":1,"command":"ping","args":[],"options":{}}\n', '{"id":2,"command":null,"ignored":"not-addressed"}\n'])
  })
})

describe('an introduction', () => {
  const ask = async (options: Parameters<typeof tryIntroduction>[0]): Promise<unknown[]> => {
    const told: string[] = []
    expect(await tryIntroduction({ write: (line) => void told.push(line), ...options })).toBe(0)
    return told.map((line) => JSON.parse(line) as unknown)
  }
  const ada = {
    isIntroduction: true,
    name: 'Ada',
    organization: null,
    invitedBy: 'Mo',
    email: 'ada@gmail.com',
    interests: ['maths', 'poetry'],
    linkedin: null,
  }
  const body = ['1. Ada', '2. skip', '3. Mo', '4. ada@gmail', '5. maths, poetry']

  test('all of the input is one text', async () => {
    expect(await ask({ input: body })).toEqual([ada])
    expect(await ask({ input: [] })).toEqual([expect.objectContaining({ isIntroduction: false, name: null, interests: [] })])
    expect(await ask({ input: body, guesses: true })).toEqual([{ ...ada, guesses: [{ field: 'email', code: 'ending' }] }])
  })
  test('one answer a line', async () => {
    const input = [JSON.stringify({ id: 7, body: body.join('\n') }), '', '{', '{"id":"x","body":1}', '{"body":"hi"}']
    expect(await ask({ jsonl: true, input })).toEqual([
      { id: 7, ...ada },
      { id: null, error: { code: 'bad-line', message: 'the line is no JSON' } },
      { id: 'x', error: expect.objectContaining({ code: 'bad-line' }) as unknown },
      expect.objectContaining({ id: null, isIntroduction: false }),
    ])
  })
})
