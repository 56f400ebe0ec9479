/** An e-mail address in a text. */
export interface FoundEmail {
  readonly address: string
  /** What was written, if it was completed. */
  readonly written?: string
}

/** Providers whose name alone can mean one address only. Those with several endings (gmx, yandex) are not among them. */
const providers: ReadonlyMap<string, string> = new Map([
  ['gmail', 'gmail.com'],
  ['googlemail', 'googlemail.com'],
  ['yahoo', 'yahoo.com'],
  ['hotmail', 'hotmail.com'],
  ['outlook', 'outlook.com'],
  ['icloud', 'icloud.com'],
  ['protonmail', 'protonmail.com'],
  ['proton', 'proton.me'],
  ['aol', 'aol.com'],
  ['fastmail', 'fastmail.com'],
  ['tutanota', 'tutanota.com'],
])

/** Links hold an `@` too: of a profile, or of a login. */
const link = /\b(?:https?|ftp|matrix):[^\s<>]+/giu
const word =
  /(?<![\p{L}\p{N}\p{M}@/.%+_'’:-]|\bhttps?:)(?:mailto:)?([\p{L}\p{N}][\p{L}\p{N}\p{M}._%+'-]{0,63})@([\p{L}\p{N}][\p{L}\p{N}\p{M}.-]{0,252})/giu

/**
 * Finds the e-mail addresses of a text, each once, as they were written. Only a missing ending of a well-known provider is completed, and
 * marked: nothing else is ever mended, because a mended address could be somebody else's.
 */
export const findEmails = (text: string): readonly FoundEmail[] => {
  const found = new Map<string, FoundEmail>()
  const plain = text.replaceAll(link, ' ')
  for (const match of plain.matchAll(word)) {
    const [, localPart = '', given = ''] = match
    const domain = given.replace(/[.-]+$/u, '')
    // An id of Matrix, or the address of another service behind it.
    if (/[@:]/u.test(plain[match.index + match[0].length] ?? '')) continue
    const written = `${localPart}@${domain}`
    const email = domain.includes('.') ? whole(localPart, domain, written) : completed(localPart, domain, written)
    if (email !== undefined && !found.has(email.address.toLowerCase())) found.set(email.address.toLowerCase(), email)
  }
  return [...found.values()]
}

const whole = (localPart: string, domain: string, written: string): FoundEmail | undefined => {
  const parts = domain.split('.')
  const good =
    parts.every((part) => part !== '' && !part.startsWith('-') && !part.endsWith('-')) && /^\p{L}[\p{L}\p{M}-]+$/u.test(parts.at(-1) ?? '')
  return good && isLocalPart(localPart) ? { address: written } : undefined
}

const completed = (localPart: string, domain: string, written: string): FoundEmail | undefined => {
  const full = providers.get(domain.toLowerCase())
  return full === undefined || !isLocalPart(localPart) ? undefined : { address: `${localPart}@${full}`, written }
}

const isLocalPart = (text: string): boolean => !text.includes('..') && !text.endsWith('.')

/** What may look like a telephone number inside and is none: the id of a Matrix user, or a link to one. */
const matrixId = String.raw`(?:https?:\/\/matrix\.to\/#\/|matrix:u\/|@[^\s@:,;()<>]+:)[^\s,;()<>]+`
const telephone = String.raw`\+?[0-9](?:[\s()./-]{0,2}[0-9]){6,}`
const idOrTelephone = new RegExp(`(${matrixId})|${telephone}`, 'giu')

/** The text without its e-mail addresses and telephone numbers: what is left may be read by everybody in INDOC. */
export const withoutContacts = (text: string): string =>
  text
    .replaceAll(/\(?<?(?:mailto:)?[^\s()<>,;]+@[\p{L}\p{N}][^\s()<>,;]*>?\)?/giu, (found) =>
      /^[(<]?@|matrix\.to\//u.test(found) ? found : ' ',
    )
    .replaceAll(idOrTelephone, (_, id: string | undefined) => id ?? ' ')
    .replaceAll(/ {2,}/gu, ' ')
    .trim()
