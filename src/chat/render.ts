import { roomLink, userLink } from '../matrix/links.ts'
import type { UserId } from '../types.ts'
import type { Answer, Block, Inline, Mark } from './answer.ts'
import { cleanLines, cleanName, cleanText, escapeHtml } from './escape.ts'

/** What goes into `m.room.message`; the sender adds `msgtype`, `format` and the relation. */
export interface RenderedMessage {
  readonly body: string
  /** `org.matrix.custom.html`, only tags that the specification allows. */
  readonly formattedBody: string
  /** `m.mentions`: always set, empty = nobody is notified. */
  readonly mentions: { readonly user_ids?: readonly UserId[] }
}

interface Text {
  readonly plain: string
  readonly html: string
}

const breakLines = (html: string): string => html.replaceAll('\n', '<br>')

const tagged = (tag: string, text: string): Text => {
  const plain = cleanText(text)
  return { plain, html: `<${tag}>${breakLines(escapeHtml(plain))}</${tag}>` }
}

const anchor = (href: string, text: string): string => `<a href="${escapeHtml(href)}">${escapeHtml(text)}</a>`

const renderUser = (userId: UserId, name: string | undefined): Text => {
  const clean = cleanName(name ?? '')
  // Nobody gets to be shown under the id of somebody else.
  const plain = clean === '' || clean.startsWith('@') ? cleanName(userId) : clean
  return { plain, html: anchor(userLink(userId), plain) }
}

const renderLink = (link: string, text: string | undefined): Text => {
  const address = cleanLines(link).replace(/\s/g, '')
  const label = text === undefined ? address : cleanName(text)
  const plain = label === address ? address : `${label} (${address})`
  // Other schemes (javascript:, data:) are written out and lead nowhere.
  return { plain, html: /^(?:https?|mailto|matrix):/i.test(address) ? anchor(address, label) : escapeHtml(plain) }
}

const renderInline = (inline: Inline): Text => {
  if (typeof inline === 'string') {
    const plain = cleanText(inline)
    return { plain, html: breakLines(escapeHtml(plain)) }
  }
  if ('bold' in inline) return tagged('strong', inline.bold)
  if ('italic' in inline) return tagged('em', inline.italic)
  if ('code' in inline) {
    const plain = cleanLines(inline.code).replace(/\s/g, ' ')
    return { plain, html: `<code>${escapeHtml(plain)}</code>` }
  }
  if ('user' in inline) return renderUser(inline.user, inline.name)
  if ('room' in inline) {
    const plain = cleanName(inline.name) || inline.room
    return { plain, html: anchor(roomLink(inline.room, inline.via), plain) }
  }
  return renderLink(inline.link, inline.text)
}

const renderInlines = (inlines: readonly Inline[]): Text => {
  const texts = inlines.map(renderInline)
  return { plain: texts.map(({ plain }) => plain).join(''), html: texts.map(({ html }) => html).join('') }
}

const renderList = (items: readonly (readonly Inline[])[], start: number | undefined): Text => {
  const texts = items.map(renderInlines)
  const plain = texts.map((item, index) => {
    const bullet = start === undefined ? '• ' : `${start + index}. `
    return bullet + item.plain.replaceAll('\n', `\n${' '.repeat(bullet.length)}`)
  })
  const inner = texts.map(({ html }) => `<li>${html}</li>`).join('')
  const tag = start === undefined ? '<ul>' : start === 1 ? '<ol>' : `<ol start="${Math.trunc(start)}">`
  return { plain: plain.join('\n'), html: `${tag}${inner}${start === undefined ? '</ul>' : '</ol>'}` }
}

const renderBlock = (block: Block): Text => {
  if ('paragraph' in block) {
    const text = renderInlines(block.paragraph)
    return { plain: text.plain, html: `<p>${text.html}</p>` }
  }
  if ('list' in block) return renderList(block.list, block.start)
  const plain = cleanLines(block.preformatted)
  return { plain, html: `<pre><code>${escapeHtml(plain)}</code></pre>` }
}

/** The mark stands before the first words, so that it is the first thing that is read. */
export const withMark = (mark: Mark | undefined, blocks: readonly Block[]): readonly Block[] => {
  const [first, ...others] = blocks
  if (mark === undefined) return blocks
  if (first && 'paragraph' in first) return [{ paragraph: [`${mark} `, ...first.paragraph] }, ...others]
  return [{ paragraph: [mark] }, ...blocks]
}

/** Renders blocks without a mark. */
export const renderBlocks = (blocks: readonly Block[]): Text => {
  const texts = blocks.map(renderBlock)
  // A list belongs to the paragraph before it.
  const plain = texts.map((text, index) => {
    const block = blocks[index]
    const gap = index === 0 ? '' : block && 'list' in block ? '\n' : '\n\n'
    return gap + text.plain
  })
  const [only] = blocks
  const html =
    only && blocks.length === 1 && 'paragraph' in only ? renderInlines(only.paragraph).html : texts.map((text) => text.html).join('')
  return { plain: plain.join(''), html }
}

/** `m.mentions` for these people. */
export const mentionsOf = (people: readonly UserId[] | undefined): RenderedMessage['mentions'] =>
  people && people.length > 0 ? { user_ids: [...new Set(people)] } : {}

/**
 * Renders an answer as one message of any size; `chunkAnswer` keeps to the event limit. All text in it is taken as hostile: it is escaped,
 * direction marks are removed, names stay in one line.
 */
export const renderAnswer = (answer: Answer): RenderedMessage => {
  const text = renderBlocks(withMark(answer.mark, answer.blocks))
  return { body: text.plain, formattedBody: text.html, mentions: mentionsOf(answer.mentions) }
}
