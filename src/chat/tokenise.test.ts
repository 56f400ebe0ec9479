import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toUserId } from '../matrix/ids.ts'
import type { Pill } from './pills.ts'
import { quote, textOf, tokenise } from './tokenise.ts'

const words = (line: string, pills: readonly Pill[] = []): readonly string[] => {
  const result = tokenise(line, pills)
  if (!result.ok) throw new Error(`unterminated at ${result.position}`)
  return result.tokens.map(({ pieces }) => textOf(pieces))
}

describe('words', () => {
  test.each<[string, readonly string[]]>([
    ['', []],
    ['  a   b ', ['a', 'b']],
    ['a\u00a0b\u2003c\u202fd\u3000e\u200bf\ng\th', ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']],
    ['a\u2068b\u2069\u200e', ['ab']],
    [`"a b" 'c d' e\\ f`, ['a b', 'c d', 'e f']],
    [`"say \\"hi\\" \\\\ \\n"`, ['say "hi" \\ \\n']],
    [`'a\\' b`, ['a\\', 'b']],
    [`'it'\\''s'`, ["it's"]],
    ['""', ['']],
    ['a""b', ['ab']],
    ['a\\', ['a\\']],
    ['“a b” ‘c d’ „e f“ „g h” ”i j” «k l» « m n » ‚o p‘', ['a b', 'c d', 'e f', 'g h', 'i j', 'k l', 'm n', 'o p']],
    ['“a b" "c d”', ['a b', 'c d']],
    ['"he said “no” to me"', ['he said “no” to me']],
    ['“he said "no" to me”', ['he said "no" to me']],
    ['“he said „no“ to me”', ['he said „no“ to me']],
    ['“spam" --rooms “tech”', ['spam', '--rooms', 'tech']],
    ['“a,”,“b”', ['a,,b']],
    ['"a\u200eb"', ['ab']],
    ["don't O'Brien don’t O’Brien", ["don't", "O'Brien", 'don’t', 'O’Brien']],
    ["'I don't know'", ["I don't know"]],
    ['‘I don’t know’', ['I don’t know']],
    ['’t Hooft ’n ’s', ['’t', 'Hooft', '’n', '’s']],
    ['—rooms –rooms ---rooms --rooms ‐‐rooms -rooms', ['--rooms', '--rooms', '--rooms', '--rooms', '--rooms', '-rooms']],
    ['— a—b −5 - \\—', ['--', 'a—b', '-5', '-', '—']],
    ['"a\u00a0b\nc"', ['a b\nc']],
    ['😀 "😀 x"', ['😀', '😀 x']],
  ])('%j', (line, expected) => {
    expect(words(line)).toEqual(expected)
  })

  test.each([
    ['a "b', 2],
    ['a “b', 2],
    ["a 'b", 2],
    ['a ‘b', 2],
    ['“a "b” c', 0],
    ['a b"', 3],
    ['"a\\"', 0],
  ])('%j is unterminated at %i', (line, position) => {
    expect(tokenise(line)).toEqual({ ok: false, code: 'unterminated-quote', position })
  })

  test('positions and quoting are kept', () => {
    expect(tokenise('x a="b c",d', [], 1)).toEqual({
      ok: true,
      tokens: [
        {
          start: 2,
          end: 11,
          pieces: [
            { text: 'a=', quoted: false, start: 2, end: 4 },
            { text: 'b c', quoted: true, start: 4, end: 9 },
            { text: ',d', quoted: false, start: 9, end: 11 },
          ],
        },
      ],
    })
  })
})

describe('pills', () => {
  const pillAt = (line: string, text: string): Pill => {
    const start = line.indexOf(text)
    return { start, end: start + text.length, text, target: { kind: 'user', userId: toUserId('@ada:x') } }
  }
  test.each(['Ada Lovelace', '--ban "', '“', "'"])('%j is one piece wherever it stands', (name) => {
    for (const line of [`a ${name} b`, `a "${name}" b`, `a ‘${name}’ b`]) {
      const result = tokenise(line, [pillAt(line, name)])
      expect(result.ok && result.tokens.map(({ pieces }) => pieces.map(({ text, pill }) => [text, pill?.text]))).toEqual([
        [['a', undefined]],
        [[name, name]],
        [['b', undefined]],
      ])
    }
  })
  test('inside a longer quotation it is text', () => {
    const line = 'a "rude to Ada Lovelace" \'b Ada Lovelace\''
    const result = tokenise(line, [pillAt(line, 'Ada Lovelace')])
    expect(result.ok && result.tokens.flatMap(({ pieces }) => pieces.map(({ pill }) => pill))).toEqual([undefined, undefined, undefined])
    expect(words('"x Ada" y', [pillAt('"x Ada" y', 'Ada')])).toEqual(['x Ada', 'y'])
    expect(words("'x Ada' y", [pillAt("'x Ada' y", 'Ada')])).toEqual(['x Ada', 'y'])
  })
})

describe('properties', () => {
  const anything = fc.string({
    unit: fc.oneof(fc.constantFrom(...Array.from(` "'“”‘’„«»\\-—–a,=`)), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })),
  })
  test('never throws; tokens are ordered and inside the line', () => {
    fc.assert(
      fc.property(anything, (line) => {
        const result = tokenise(line)
        if (!result.ok) {
          expect(line[result.position]).toMatch(/["“”„‟«»＂'‘‚‛]/)
          return
        }
        let last = 0
        for (const { start, end } of result.tokens) {
          expect(start >= last && end > start && end <= line.length).toBe(true)
          last = end
        }
      }),
    )
  })
  test('what is quoted is read back as one word', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom(...Array.from('ab "\'“”‘’„«»\\-—,=é😀\n')) })), (texts) => {
        expect(words(texts.map(quote).join(' '))).toEqual(texts)
      }),
    )
  })
  test.each(['’', '"', '“a', "'", '\\', '" ’'])('many %j are read in linear time', (piece) => {
    const started = performance.now()
    tokenise(` ${piece}`.repeat(4000))
    expect(performance.now() - started).toBeLessThan(1000)
  })
})
