import { PassThrough, Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { readSecret } from './hidden-input.ts'

/** A terminal as Node shows one. */
class FakeTerminal extends PassThrough {
  readonly isTTY = true
  readonly raw: boolean[] = []
  setRawMode(raw: boolean): this {
    this.raw.push(raw)
    return this
  }
}
const type = async (...keys: readonly string[]) => {
  const terminal = new FakeTerminal()
  let shown = ''
  const read = readSecret('Password', { input: terminal, output: { write: (text) => (shown += text) } })
  for (const key of keys) terminal.write(key)
  return { result: await read, shown, raw: terminal.raw }
}

test('a terminal shows the question and nothing of the answer', async () => {
  const { result, shown, raw } = await type('s', 'e', 'cX', '\u007f', 'ret é😀', '\r')
  expect(result).toEqual({ ok: true, secret: 'secret é😀' })
  expect(shown).toBe('Password (it is not shown): \n')
  expect(raw).toEqual([true, false])
})

test.each(['\u0003', '\u0004'])('Ctrl+C and Ctrl+D stop, and the terminal is as before', async (key) => {
  const { result, raw } = await type('sec', key)
  expect(result).toEqual({ ok: false, words: 'stopped; nothing was changed' })
  expect(raw).toEqual([true, false])
})

test.each<[string, string[], object]>([
  ['the first line, in pieces', ['pass', 'word\nmore\n'], { ok: true, secret: 'password' }],
  ['of Windows', ['password\r\n'], { ok: true, secret: 'password' }],
  ['without an end of line', ['password'], { ok: true, secret: 'password' }],
  ['blanks belong to it', [' a b \n'], { ok: true, secret: ' a b ' }],
  ['nothing', [], { ok: false }],
  ['an empty line', ['\n'], { ok: false }],
  ['a whole file', ['x'.repeat(5000)], { ok: false }],
])('standard input: %s', async (_what, chunks, expected) => {
  expect(await readSecret('Password', { input: Readable.from(chunks), output: { write: () => true } })).toMatchObject(expected)
})
