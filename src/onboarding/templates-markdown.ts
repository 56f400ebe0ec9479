/**
 * The small part of Markdown that templates use: paragraphs, `- ` and `1. ` lists, **bold**, *italics*, `code`, [links](…), `\` before a sign
 * that is meant as itself, `\` at the end of a line for a line break, and `<!-- comments -->`. Placeholders are parsed with it, so that what they
 * stand for is never read as Markdown or HTML.
 */

/** A piece of a line. */
export type Inline =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'break' }
  | { readonly kind: 'placeholder'; readonly name: string }
  | { readonly kind: 'strong' | 'em' | 'code'; readonly children: readonly Inline[] }
  | { readonly kind: 'link'; readonly children: readonly Inline[]; readonly target: readonly Inline[] }

export type Block =
  | /** `list` = a placeholder alone on the last line: it becomes a list below the paragraph. */ {
      readonly kind: 'paragraph'
      readonly children: readonly Inline[]
      readonly list?: string
    }
  | { readonly kind: 'list'; readonly ordered: boolean; readonly items: readonly (readonly Inline[])[] }

/** Where a placeholder stands. */
export interface Use {
  readonly name: string
  /** Counted from 1. */
  readonly line: number
  /** `list` = alone on the last line of a paragraph. */
  readonly as: 'inline' | 'list' | 'target'
}

export interface Parsed {
  readonly blocks: readonly Block[]
  readonly uses: readonly Use[]
  readonly problems: readonly { readonly line: number; readonly text: string }[]
}

const listLine = /^\s{0,3}(?:[-*]|(\d{1,3})[.)])\s+(.*)$/
const soleLine = /^\{([A-Za-z][A-Za-z0-9]*)\}$/

/** Parses inline Markdown; positions tell the line for problems. */
class InlineParser {
  readonly #text: string
  readonly #line: number
  readonly #result: { uses: Use[]; problems: { line: number; text: string }[] }
  #at = 0

  constructor(text: string, line: number, result: { uses: Use[]; problems: { line: number; text: string }[] }) {
    this.#text = text
    this.#line = line
    this.#result = result
  }

  /** Line breaks inside the text are kept as `\n` until here, so the line can be told. */
  get #currentLine(): number {
    return this.#line + (this.#text.slice(0, this.#at).match(/\n/g)?.length ?? 0)
  }

  all(): readonly Inline[] {
    return this.#until('', 'inline')
  }

  #until(end: string, as: Use['as']): readonly Inline[] {
    const children: Inline[] = []
    let text = ''
    const flush = (): void => {
      if (text !== '') children.push({ kind: 'text', text })
      text = ''
    }
    const ended = (): boolean => this.#at >= this.#text.length || (end !== '' && this.#text.startsWith(end, this.#at))
    while (!ended()) {
      const piece = this.#piece(as)
      if (typeof piece === 'string') text += piece
      else {
        flush()
        children.push(piece)
      }
    }
    this.#at += end.length
    flush()
    return children
  }

  /** Does the closing sign come, with something before it? Otherwise the opening one is meant as itself. */
  #closes(end: string, from: number): boolean {
    return this.#text.indexOf(end, from) > from
  }

  #piece(as: Use['as']): Inline | string {
    const sign = this.#text[this.#at] ?? ''
    if (sign === '\\') return this.#escape()
    if (sign === '{') return this.#placeholder(as)
    if (as === 'inline') {
      if (sign === '`' && this.#closes('`', this.#at + 1)) return this.#wrapped('code', '`')
      if (this.#text.startsWith('**', this.#at)) {
        if (this.#closes('**', this.#at + 2)) return this.#wrapped('strong', '**')
        this.#at += 2
        return '**'
      }
      // A star before a blank is a star.
      if (sign === '*' && /^\*\S/.test(this.#text.slice(this.#at, this.#at + 2)) && this.#closes('*', this.#at + 1))
        return this.#wrapped('em', '*')
      if (sign === '[') {
        const link = this.#link()
        if (link !== undefined) return link
      }
    }
    this.#at += 1
    // A line end inside a paragraph is a blank.
    return sign === '\n' ? ' ' : sign
  }

  #escape(): Inline | string {
    const next = this.#text[this.#at + 1] ?? ''
    this.#at += 2
    if (next === '\n') return { kind: 'break' }
    return /[\p{P}\p{S}]/u.test(next) ? next : `\\${next}`
  }

  #placeholder(as: Use['as']): Inline | string {
    const end = this.#text.indexOf('}', this.#at)
    const line = this.#currentLine
    const name = end === -1 ? '' : this.#text.slice(this.#at + 1, end)
    if (!/^[A-Za-z][A-Za-z0-9]*$/.test(name)) {
      this.#result.problems.push({ line, text: 'a { that begins no placeholder; write \\{ for the sign itself' })
      this.#at += 1
      return '{'
    }
    this.#at = end + 1
    this.#result.uses.push({ name, line, as })
    return { kind: 'placeholder', name }
  }

  #wrapped(kind: 'strong' | 'em' | 'code', sign: string): Inline {
    this.#at += sign.length
    // Inside code only placeholders mean something.
    return { kind, children: kind === 'code' ? this.#code() : this.#until(sign, 'inline') }
  }

  #code(): readonly Inline[] {
    const end = this.#text.indexOf('`', this.#at)
    const inner = new InlineParser(this.#text.slice(this.#at, end).replaceAll('\\', '\\\\'), this.#currentLine, this.#result)
    this.#at = end + 1
    return inner.#until('', 'target')
  }

  #link(): Inline | undefined {
    const match = /^\[([^\]\n]+)\]\(([^()\s]+)\)/.exec(this.#text.slice(this.#at))
    if (match?.[1] === undefined || match[2] === undefined) return undefined
    const line = this.#currentLine
    const children = new InlineParser(match[1], line, this.#result).#until('', 'inline')
    const target = new InlineParser(match[2], line, this.#result).#until('', 'target')
    this.#at += match[0].length
    return { kind: 'link', children, target }
  }
}

/** Parses a template. Never throws; what is wrong is in `problems`. */
export const parseMarkdown = (source: string): Parsed => {
  const result = { uses: [] as Use[], problems: [] as { line: number; text: string }[] }
  const blocks: Block[] = []
  // Comments go, their line ends stay: lines keep their numbers.
  const text = source.replaceAll('\r\n', '\n').replaceAll(/<!--[\s\S]*?-->/g, (comment) => comment.replaceAll(/[^\n]/g, ''))
  const lines = text.split('\n')
  const inline = (content: string, line: number): readonly Inline[] => new InlineParser(content, line, result).all()

  let at = 0
  const isText = (line: string | undefined): line is string => line !== undefined && line.trim() !== ''
  while (at < lines.length) {
    const first = lines[at]
    if (!isText(first)) {
      at += 1
      continue
    }
    const number = at + 1
    const item = listLine.exec(first)
    if (item === null) {
      const gathered: string[] = []
      while (isText(lines[at]) && listLine.exec(lines[at] ?? '') === null) {
        gathered.push((lines[at] ?? '').trim())
        at += 1
      }
      const sole = soleLine.exec(gathered.at(-1) ?? '')?.[1]
      if (sole === undefined) {
        blocks.push({ kind: 'paragraph', children: inline(gathered.join('\n'), number) })
        continue
      }
      gathered.pop()
      result.uses.push({ name: sole, line: at, as: 'list' })
      blocks.push({ kind: 'paragraph', children: inline(gathered.join('\n'), number), list: sole })
      continue
    }
    const ordered = item[1] !== undefined
    const items: (readonly Inline[])[] = []
    for (
      let match: RegExpExecArray | null = item;
      match !== null && (match[1] !== undefined) === ordered;
      match = listLine.exec(lines[at] ?? '')
    ) {
      const line = at + 1
      const gathered = [match[2] ?? '']
      at += 1
      // Indented lines go on with the item.
      while (isText(lines[at]) && /^\s{2,}\S/.test(lines[at] ?? '') && listLine.exec(lines[at] ?? '') === null) {
        gathered.push((lines[at] ?? '').trim())
        at += 1
      }
      items.push(inline(gathered.join('\n'), line))
    }
    blocks.push({ kind: 'list', ordered, items })
  }
  return { blocks, ...result }
}
