import { findEmails } from './introduction-email.ts'
import type { Line } from './introduction-text.ts'

/** Signs that may stand between the answers of one line, and how they are written again between interests. */
const separators: readonly RegExp[] = [/\s*[|｜]\s*/u, /\s*[;；]\s*/u, /\s+\/+\s+/u, /\s+[–—-]+\s+/u, /\s*[,，、]\s+/u]

const isAddress = (part: string): boolean => {
  const [email] = findEmails(part)
  return (
    email !== undefined && part.replace(email.written ?? email.address, '').replaceAll(/mailto:|\be-?mail\b|[\p{P}\p{S}\s]/giu, '') === ''
  )
}

const greeting = /^(?:hi|hello|hey|hallo|hola|bonjour|ciao|привет)(?: (?:all|everyone|everybody|there|folks|team))?\s*[,!.:–—-]\s*(?=\S)/iu

const splitLine = ({ text: written, gap }: Line): readonly Line[] => {
  const text = written.replace(greeting, '')
  for (const separator of separators) {
    const parts = text.split(separator)
    const at = parts.findIndex(isAddress)
    if (parts.length < 2 || at === -1 || at > 4) continue
    const behind = text.slice(text.indexOf(parts[at] ?? '') + (parts[at]?.length ?? 0)).replace(separator, '')
    const texts = [...parts.slice(0, at + 1), ...(behind === '' ? [] : [behind])]
    return texts.map((part, index) => ({ text: part.trim(), gap: index === 0 && gap })).filter((line) => line.text !== '')
  }
  return [{ text, gap }]
}

/** `Ada, Engines`: in the line above the one with the address. */
const splitAbove = (line: Line): readonly Line[] => {
  const parts = line.text.split(/\s*[,;|]\s+|\s+[–—/-]\s+/u)
  return parts.length >= 2 && parts.length <= 3 ? parts.map((text, index) => ({ text, gap: index === 0 && line.gap })) : [line]
}

/**
 * `Ada, Engines, Mo, ada@example.org, maths, poetry`: an introduction of one, two or three lines as one with a line for each answer.
 * @returns undefined when the text has more lines, or no address that stands alone between such signs
 */
export const splitOneLine = (lines: readonly Line[]): readonly Line[] | undefined => {
  if (lines.length > 3 || lines.some(({ text }) => text.length > 600 || text.includes('":'))) return undefined
  const at = lines.findIndex((line) => splitLine(line).some(({ text }) => isAddress(text)))
  if (at === -1) return undefined
  const found = lines.flatMap((line, index) => (index === at ? splitLine(line) : index < at ? splitAbove(line) : [line]))
  return found.length > lines.length ? found : undefined
}

/** Does the address look like the name's? In a line of several names it is somebody else's: "Mo, Bo, team@example.org". */
export const isNameOf = (name: string, address: string): boolean => {
  const local = address.slice(0, address.lastIndexOf('@')).toLowerCase()
  return name.split(/\s+/u).length >= 2 || local.includes(name.toLowerCase().slice(0, 4))
}
