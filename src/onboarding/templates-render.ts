import type { UserId } from '../types.ts'
import type { Block, Inline } from './templates-markdown.ts'

/** What a placeholder stands for. An empty one makes the paragraph or list item that holds it disappear. */
export type Filling =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'link'; readonly url: string; readonly text: string }
  | { readonly kind: 'people'; readonly people: readonly Named[] }
  | { readonly kind: 'links'; readonly links: readonly NamedLink[] }

/** A person with a pill. */
export interface Named {
  readonly userId: UserId
  readonly name: string
}

export interface NamedLink {
  readonly name: string
  readonly url: string
}

/** A message made of a template. */
export interface Rendered {
  /** For clients that show plain text. */
  readonly body: string
  /** HTML of the subset that Matrix allows; user data escaped. */
  readonly formattedBody: string
  /** People with a pill: notify them with `m.mentions`. */
  readonly mentions: readonly UserId[]
}

interface Both {
  readonly plain: string
  readonly html: string
}

/** Escapes text for HTML, in attributes too. */
const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')

/** Names come from people: no line ends, no control signs, none that turn the direction of what follows. */
export const tidy = (text: string): string =>
  text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim()

/** Only targets that open a page, a mail or a room. */
const isTarget = (url: string): boolean => /^(?:https?:\/\/|mailto:|matrix:)[^\s<>"]+$/i.test(url)

const both = (text: string): Both => ({ plain: text, html: escape(text) })

const link = (url: string, text: Both): Both => {
  if (!isTarget(url)) return text
  return { plain: text.plain === url ? url : `${text.plain} (${url})`, html: `<a href="${escape(url)}">${text.html}</a>` }
}

const pill = ({ userId, name }: Named): Both => {
  const shown = both(tidy(name) === '' ? userId : tidy(name))
  return { plain: shown.plain, html: `<a href="https://matrix.to/#/${encodeURIComponent(userId)}">${shown.html}</a>` }
}

/** `Ada`, `Ada and Bob`, `Ada, Bob and Eve` */
const enumerate = (items: readonly Both[]): Both => {
  const join = (pick: (item: Both) => string): string =>
    items.map((item, index) => (index === 0 ? '' : index === items.length - 1 ? ' and ' : ', ') + pick(item)).join('')
  return { plain: join((item) => item.plain), html: join((item) => item.html) }
}

const concat = (parts: readonly Both[]): Both => ({
  plain: parts.map(({ plain }) => plain).join(''),
  html: parts.map(({ html }) => html).join(''),
})

const tags = { strong: 'strong', em: 'em', code: 'code' } as const

/** Renders one template with its fillings. */
class Renderer {
  readonly #fillings: ReadonlyMap<string, Filling>
  readonly mentions = new Set<UserId>()

  constructor(fillings: ReadonlyMap<string, Filling>) {
    this.#fillings = fillings
  }

  #filled(name: string): Both | undefined {
    const filling = this.#fillings.get(name)
    switch (filling?.kind) {
      case 'text': {
        const text = tidy(filling.text)
        return text === '' ? undefined : both(text)
      }
      case 'link':
        return filling.url === '' ? undefined : link(filling.url, both(tidy(filling.text)))
      case 'people':
        if (filling.people.length === 0) return undefined
        for (const { userId } of filling.people) this.mentions.add(userId)
        return enumerate(filling.people.map((person) => pill(person)))
      case 'links':
        return filling.links.length === 0 ? undefined : enumerate(filling.links.map(({ name, url }) => link(url, both(tidy(name)))))
      case undefined:
        return undefined
    }
  }

  /** The target of a link as plain text. */
  #target(target: readonly Inline[]): string | undefined {
    let url = ''
    for (const part of target) {
      if (part.kind === 'text') url += part.text
      if (part.kind !== 'placeholder') continue
      const filling = this.#fillings.get(part.name)
      const value = filling?.kind === 'link' ? filling.url : filling?.kind === 'text' ? filling.text : ''
      if (value.trim() === '') return undefined
      url += value
    }
    return url
  }

  /** undefined = a placeholder in it is empty. */
  line(children: readonly Inline[]): Both | undefined {
    const parts: Both[] = []
    for (const child of children) {
      const part = this.#inline(child)
      if (part === undefined) return undefined
      parts.push(part)
    }
    return concat(parts)
  }

  #inline(child: Inline): Both | undefined {
    switch (child.kind) {
      case 'text':
        return both(child.text)
      case 'break':
        return { plain: '\n', html: '<br />' }
      case 'placeholder':
        return this.#filled(child.name)
      case 'link': {
        const text = this.line(child.children)
        const url = this.#target(child.target)
        return text === undefined || url === undefined ? undefined : link(url, text)
      }
      default: {
        const inner = this.line(child.children)
        return inner && { plain: inner.plain, html: `<${tags[child.kind]}>${inner.html}</${tags[child.kind]}>` }
      }
    }
  }

  #list(items: readonly Both[], ordered: boolean): Both {
    const tag = ordered ? 'ol' : 'ul'
    return {
      plain: items.map(({ plain }, index) => `${ordered ? `${index + 1}.` : '-'} ${plain}`).join('\n'),
      html: `<${tag}>${items.map(({ html }) => `<li>${html}</li>`).join('')}</${tag}>`,
    }
  }

  block(block: Block): readonly Both[] {
    if (block.kind === 'list') {
      const items = block.items.map((item) => this.line(item)).filter((item) => item !== undefined)
      return items.length === 0 ? [] : [this.#list(items, block.ordered)]
    }
    const text = this.line(block.children)
    if (text === undefined) return []
    const paragraph: Both = { plain: text.plain, html: `<p>${text.html}</p>` }
    if (block.list === undefined) return [paragraph]
    const filling = this.#fillings.get(block.list)
    if (filling?.kind !== 'links') {
      // Alone on its line, but an ordinary placeholder: it goes on with the paragraph.
      const value = this.#filled(block.list)
      if (value === undefined) return []
      const glue = text.plain === '' ? '' : ' '
      return [{ plain: text.plain + glue + value.plain, html: `<p>${text.html}${glue}${value.html}</p>` }]
    }
    if (filling.links.length === 0) return []
    const list = this.#list(
      filling.links.map(({ name, url }) => link(url, both(tidy(name)))),
      false,
    )
    return text.plain === '' ? [list] : [{ plain: `${paragraph.plain}\n${list.plain}`, html: paragraph.html + list.html }]
  }
}

/** Renders parsed blocks. A paragraph or list item with an empty placeholder is left out. */
export const renderBlocks = (blocks: readonly Block[], fillings: ReadonlyMap<string, Filling>): Rendered => {
  const renderer = new Renderer(fillings)
  const parts = blocks.flatMap((block) => renderer.block(block))
  const html = parts.map((part) => part.html).join('')
  // One paragraph alone needs no frame; clients put space around it.
  const single = /^<p>((?:(?!<p>|<ul>|<ol>)[\s\S])*)<\/p>$/.exec(html)?.[1]
  return { body: parts.map(({ plain }) => plain).join('\n\n'), formattedBody: single ?? html, mentions: [...renderer.mentions] }
}
