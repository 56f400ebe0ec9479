/**
 * Reads the formatted body of a message as text and links. It is written by others, so: one pass, no backtracking, nothing kept but text.
 */

/** Text of a formatted body. `start` and `end` of a link are offsets in `text`. */
export interface FlatHtml {
  readonly text: string
  readonly links: readonly { readonly start: number; readonly end: number; readonly href: string }[]
}

const named: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
  ['nbsp', '\u00a0'],
])

const fromCodePoint = (code: number): string =>
  code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? '\ufffd' : String.fromCodePoint(code)

const decodeEntities = (text: string): string =>
  text.replace(
    /&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|([a-z]{2,4}));/gi,
    (whole, hex: string | undefined, decimal: string | undefined, name: string) => {
      if (hex !== undefined) return fromCodePoint(Number.parseInt(hex, 16))
      if (decimal !== undefined) return fromCodePoint(Number.parseInt(decimal, 10))
      return named.get(name.toLowerCase()) ?? whole
    },
  )

interface Tag {
  readonly name: string
  readonly closing: boolean
  readonly href: string | undefined
  /** Offset after `>`. */
  readonly end: number
}

/** The offset after what a sticky expression that also matches nothing takes at `at`. */
const skipAll = (expression: RegExp, text: string, at: number): number => {
  expression.lastIndex = at
  expression.test(text)
  return expression.lastIndex
}

/** Reads the tag whose `<` stands at `at`. Undefined: the text ends inside it. */
const readTag = (html: string, at: number): Tag | undefined => {
  const closing = html[at + 1] === '/'
  const nameStart = at + (closing ? 2 : 1)
  const nameEnd = skipAll(/[a-z0-9-]*/iy, html, nameStart)
  const tagName = html.slice(nameStart, nameEnd).toLowerCase()
  let href: string | undefined
  let index = nameEnd
  while (index < html.length) {
    if (html[index] === '>') return { name: tagName, closing, href, end: index + 1 }
    const attribute = /[^\s=>/]+/y
    attribute.lastIndex = index
    const attributeName = attribute.exec(html)?.[0].toLowerCase()
    if (attributeName === undefined) {
      index += 1
      continue
    }
    const equals = /\s*=\s*/y
    equals.lastIndex = attribute.lastIndex
    index = attribute.lastIndex
    if (!equals.test(html)) continue
    index = equals.lastIndex
    const quote = html[index]
    let value: string
    if (quote === '"' || quote === "'") {
      const end = html.indexOf(quote, index + 1)
      if (end === -1) return undefined
      value = html.slice(index + 1, end)
      index = end + 1
    } else {
      const end = skipAll(/[^\s>]*/y, html, index)
      value = html.slice(index, end)
      index = end
    }
    if (attributeName === 'href') href ??= decodeEntities(value)
  }
  return undefined
}

const breaks: ReadonlySet<string> = new Set([
  'br',
  'p',
  'div',
  'li',
  'ul',
  'ol',
  'pre',
  'blockquote',
  'tr',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
])

/**
 * Flattens HTML. The reply fallback (`<mx-reply>`) is left out; line breaks and ends of blocks become a newline; unknown tags vanish.
 * Time and memory grow with the length of the text only.
 */
export const flattenHtml = (html: string): FlatHtml => {
  const links: { start: number; end: number; href: string }[] = []
  let text = ''
  let open: { start: number; href: string } | undefined
  let inReply = false
  const closeLink = (): void => {
    if (open) links.push({ start: open.start, end: text.length, href: open.href })
    open = undefined
  }
  let index = 0
  while (index < html.length) {
    const less = html.indexOf('<', index)
    const end = less === -1 ? html.length : less
    if (!inReply) text += decodeEntities(html.slice(index, end))
    if (less === -1) break
    if (html.startsWith('<!--', less)) {
      const close = html.indexOf('-->', less + 4)
      if (close === -1) break
      index = close + 3
      continue
    }
    if (!/[a-z/!?]/i.test(html[less + 1] ?? '')) {
      if (!inReply) text += '<'
      index = less + 1
      continue
    }
    const tag = readTag(html, less)
    if (!tag) break
    index = tag.end
    if (tag.name === 'mx-reply') inReply = !tag.closing
    if (inReply) continue
    if (tag.name === 'a') {
      closeLink()
      if (!tag.closing && tag.href !== undefined) open = { start: text.length, href: tag.href }
    } else if (breaks.has(tag.name)) text += '\n'
  }
  closeLink()
  return { text, links }
}
