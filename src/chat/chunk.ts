import type { Answer, Block, Inline } from './answer.ts'
import { mentionsOf, renderBlocks, withMark, type RenderedMessage } from './render.ts'

/** Bytes of plain body in one message. */
const defaultLimit = 12_000
/**
 * Bytes of both bodies, as a share of the limit. An edit carries them twice and encryption adds a third (base64) and about 1.5 KB:
 * 12,000 · 1.75 · 2 · 4/3 + 1,500 = 57,500, under the 65,536 bytes of an event.
 */
const bothShare = 1.75
/** For "(12/34)" in both bodies. */
const numberReserve = 64

const bytesOf = (text: string): number => Buffer.byteLength(JSON.stringify(text))

const fits = (blocks: readonly Block[], limit: number): boolean => {
  const { plain, html } = renderBlocks(blocks)
  return bytesOf(plain) <= limit - numberReserve && bytesOf(plain) + bytesOf(html) <= limit * bothShare - 2 * numberReserve
}

/** Cuts a text into pieces of at most `size` code points. */
const cutText = (text: string, size: number): readonly string[] => {
  const characters = Array.from(text)
  return Array.from({ length: Math.ceil(characters.length / size) }, (_, index) =>
    characters.slice(index * size, (index + 1) * size).join(''),
  )
}

/** The parts of an inline that is too long; mentions and room links are short by nature. */
const cutInline = (inline: Inline, size: number): readonly Inline[] => {
  if (typeof inline === 'string') return cutText(inline, size)
  if ('bold' in inline) return cutText(inline.bold, size).map((bold) => ({ bold }))
  if ('italic' in inline) return cutText(inline.italic, size).map((italic) => ({ italic }))
  if ('code' in inline) return cutText(inline.code, size).map((code) => ({ code }))
  if ('link' in inline) return inline.link.length <= size ? [inline] : cutText(inline.link, size)
  return [inline]
}

/** Splits inlines at the line breaks of their plain strings. */
const splitLines = (inlines: readonly Inline[]): readonly (readonly Inline[])[] => {
  const lines: Inline[][] = [[]]
  for (const inline of inlines) {
    const parts = typeof inline === 'string' ? inline.split('\n') : [inline]
    for (const [index, part] of parts.entries()) {
      if (index > 0) lines.push([])
      if (part !== '') lines.at(-1)?.push(part)
    }
  }
  return lines
}

/** Breaks a line that is too long for a message into several that are not. */
const cutLine = (inlines: readonly Inline[], limit: number): readonly Block[] => {
  // With escapes and isolates a character takes at most five bytes in the plain body and ten in both.
  const size = Math.max(1, Math.floor(limit / 16))
  const blocks: Block[] = []
  let line: Inline[] = []
  for (const inline of inlines.flatMap((whole) => cutInline(whole, size))) {
    if (line.length > 0 && !fits([{ paragraph: [...line, inline] }], limit)) {
      blocks.push({ paragraph: line })
      line = []
    }
    line.push(inline)
  }
  return [...blocks, { paragraph: line }]
}

/** Takes a block apart into the smallest blocks that may stand in a message of their own: paragraphs, list items, lines. */
const linesOf = (block: Block, limit: number): readonly Block[] => {
  const cut = (inlines: readonly Inline[]): readonly Block[] =>
    fits([{ paragraph: inlines }], limit) ? [{ paragraph: inlines }] : cutLine(inlines, limit)
  if ('paragraph' in block) return fits([block], limit) ? [block] : splitLines(block.paragraph).flatMap(cut)
  if ('list' in block) {
    return block.list.flatMap((item, index): readonly Block[] => {
      const number = block.start === undefined ? undefined : block.start + index
      const whole: Block = number === undefined ? { list: [item] } : { list: [item], start: number }
      return fits([whole], limit) ? [whole] : splitLines([number === undefined ? '• ' : `${number}. `, ...item]).flatMap(cut)
    })
  }
  return block.preformatted.split('\n').flatMap((line): readonly Block[] => {
    if (fits([{ preformatted: line }], limit)) return [{ preformatted: line }]
    return cutText(line, Math.max(1, Math.floor(limit / 16))).map((preformatted) => ({ preformatted }))
  })
}

/** Adds a line to a message: items and lines of one list or code block grow together again. */
const append = (blocks: readonly Block[], line: Block, isSameBlock: boolean): readonly Block[] => {
  const last = blocks.at(-1)
  if (last && isSameBlock && 'list' in last && 'list' in line)
    return [...blocks.slice(0, -1), { ...last, list: [...last.list, ...line.list] }]
  if (last && isSameBlock && 'preformatted' in last && 'preformatted' in line) {
    return [...blocks.slice(0, -1), { preformatted: `${last.preformatted}\n${line.preformatted}` }]
  }
  return [...blocks, line]
}

/**
 * Renders an answer as one message or, if it is too long for one event, as several with numbers `(1/3)`. It is split between lines; only a
 * line that is too long for a message is cut, never inside a character. Mentions notify in the first part only.
 * @param limit bytes of plain body in one message
 */
export const chunkAnswer = (answer: Answer, limit = defaultLimit): readonly RenderedMessage[] => {
  const blocks = withMark(answer.mark, answer.blocks)
  const messages: (readonly Block[])[] = []
  let message: readonly Block[] = []
  for (const block of blocks) {
    let isSameBlock = false
    for (const line of linesOf(block, limit)) {
      const longer = append(message, line, isSameBlock)
      if (message.length === 0 || fits(longer, limit)) message = longer
      else {
        messages.push(message)
        message = [line]
      }
      isSameBlock = true
    }
  }
  messages.push(message)
  return messages.map((part, index) => {
    const number = `(${index + 1}/${messages.length})`
    const numbered = messages.length === 1 ? part : [...(index === 0 ? part : []), { paragraph: [number] }, ...(index === 0 ? [] : part)]
    const text = renderBlocks(numbered)
    return { body: text.plain, formattedBody: text.html, mentions: index === 0 ? mentionsOf(answer.mentions) : {} }
  })
}
