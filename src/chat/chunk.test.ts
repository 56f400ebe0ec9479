import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toRoomId, toUserId } from '../matrix/ids.ts'
import { bullets, paragraph, type Block } from './answer.ts'
import { chunkAnswer } from './chunk.ts'
import { renderAnswer } from './render.ts'

const chunk = (blocks: readonly Block[], limit?: number) =>
  chunkAnswer({ code: 'ok', mark: '✅', blocks, mentions: [toUserId('@ada:x')] }, limit)
const bytes = (text: string): number => Buffer.byteLength(text)

/** Bytes of the encrypted event: the content twice (an edit), base64, the envelope with keys, ids, relation and signatures. */
const eventBytes = ({ body, formattedBody, mentions }: ReturnType<typeof renderAnswer>): number => {
  const content = { msgtype: 'm.text', format: 'org.matrix.custom.html', body, formatted_body: formattedBody, 'm.mentions': mentions }
  const edit = { type: 'm.room.message', room_id: `!${'r'.repeat(254)}`, content: { ...content, 'm.new_content': content } }
  return Math.ceil((bytes(JSON.stringify(edit)) + 100) / 3) * 4 + 2500
}

test('a short answer is one message without a number', () => {
  const answer = { code: 'ok', mark: '✅', blocks: [paragraph('done'), bullets(['a'])] } as const
  expect(chunkAnswer(answer)).toEqual([renderAnswer(answer)])
  expect(chunkAnswer({ code: 'ok', blocks: [] })).toEqual([{ body: '', formattedBody: '', mentions: {} }])
})

describe('long answers', () => {
  test('split between items, numbered, the numbering of the list goes on, mentions once', () => {
    const list = Array.from({ length: 500 }, (_, index) => [`Row ${index + 1} of a table that is rather long <&>`])
    const parts = chunk([paragraph('All rows:'), { list, start: 1 }])
    expect(parts.length).toBeGreaterThan(1)
    for (const [index, part] of parts.entries()) {
      expect(part.body).toContain(`(${index + 1}/${parts.length})`)
      expect(eventBytes(part)).toBeLessThan(65_536)
      expect(part.mentions).toEqual(index === 0 ? { user_ids: ['@ada:x'] } : {})
    }
    const rows = parts.flatMap(({ body }) => body.split('\n').filter((line) => /^\d+\. Row/.test(line)))
    expect(rows).toEqual(list.map(([text], index) => `${index + 1}. ${text}`))
    expect(parts[0]?.body.startsWith('✅ All rows:')).toBe(true)
    expect(parts[1]?.formattedBody).toMatch(/^<p>\(2\/\d+\)<\/p><ol start="\d+">/)
  })

  test('lines of code blocks and of paragraphs stay whole', () => {
    const text = Array.from({ length: 400 }, (_, index) => `line ${index} ${'x'.repeat(60)}`).join('\n')
    for (const blocks of [[{ preformatted: text }], [paragraph({ bold: 'b' }, text)]]) {
      const parts = chunk(blocks)
      const lines = parts.flatMap(({ body }) => body.split('\n')).filter((line) => line.includes('line '))
      expect(lines.map((line) => line.replace(/^.*?line/, 'line'))).toEqual(text.split('\n'))
      expect(parts[0]?.formattedBody).toContain('(1/')
    }
  })

  test('an item that is too long alone is cut, never inside a character', () => {
    const long = '😀'.repeat(5000)
    const blocks: readonly Block[] = [
      { list: [[long], ['short']], start: 1 },
      bullets([{ bold: long }, { italic: 'x' }]),
      paragraph({ italic: long }, { code: long }, { link: `https://x/${long}` }, { link: 'https://y' }),
      paragraph({ room: toRoomId('!r'), name: 'Tech', via: [] }, long, `one\n\n${long}`),
      { preformatted: long },
    ]
    const parts = chunk(blocks)
    for (const part of parts) {
      expect(part.body.isWellFormed() && part.formattedBody.isWellFormed()).toBe(true)
      expect(part.body).not.toContain('\ufffd')
      expect(eventBytes(part)).toBeLessThan(65_536)
    }
    const all = parts.map(({ body }) => body).join('')
    expect(all.split('😀').length - 1).toBe(8 * 5000)
    expect(all).toContain('1. 😀')
    expect(all).toContain('2. short')
  })

  test('every part fits, whatever the text', () => {
    const line = fc.string({ unit: fc.constantFrom('"', '&', 'é', '😀', 'א', 'a', '\n', '\u202e', '\ud800'), maxLength: 2000 })
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), fc.array(line, { maxLength: 6 }), (texts, items) => {
        for (const part of chunk(
          [paragraph(...texts), bullets(...items.map((item) => [item])), { preformatted: texts.join('\n') }],
          1000,
        )) {
          expect(bytes(part.body)).toBeLessThanOrEqual(1000)
          expect(bytes(part.body) + bytes(part.formattedBody)).toBeLessThanOrEqual(1750)
        }
      }),
      { numRuns: 30 },
    )
  })
})
