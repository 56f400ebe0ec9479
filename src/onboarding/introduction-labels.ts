import { fillers, foldWord, keywords, withoutSlip } from './introduction-words.ts'
import type { Field } from './introduction-words.ts'

export type { Field } from './introduction-words.ts'

/** A line with a label. */
export interface Labelled {
  readonly field: Field
  readonly value: string
  /** The label is a part of a sentence ("I am Ada"): less certain than one that stands alone. */
  readonly soft: boolean
  /** It is the second half of a name. */
  readonly familyName?: boolean
  /** It is the first half of one. */
  readonly givenName?: boolean
}

/** The fields in the order of the prompt: number 1 is the name. */
export const numbered: readonly Field[] = ['name', 'organization', 'invitedBy', 'email', 'interests', 'linkedin']

/** If the words of a label belong to several fields ("name of your company"), the first of these counts. */
const precedence: readonly Field[] = ['invitedBy', 'linkedin', 'signal', 'email', 'phone', 'interests', 'organization', 'name', 'other']

const fieldOfWord = new Map<string, Field>(
  precedence.flatMap((field) => keywords[field].split(' ').map((word) => [foldWord(word), field] as const)),
)

/** The field that a label means; undefined = it is no label. */
export const fieldOf = (label: string): Field | undefined => {
  const plain = foldWord(label.replaceAll(/\([^()]*\)|\[[^[\]]*\]/gu, ' ').replaceAll(/(?<=\p{L})["״](?=\p{L})/gu, '')).replaceAll(
    /\be[\s-](mail|posta?)/gu,
    'e$1',
  )
  const words = plain.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
  if (words.length === 0 || words.length > 12) return undefined
  const fields = words.map((word) => fieldOfWord.get(word))
  // A word that is neither may make it something else: "Project name".
  if (words.some((word, index) => fields[index] === undefined && !fillers.has(word))) return undefined
  return precedence.find((field) => fields.includes(field))
}

/** As `fieldOf`, also for a label with slips of the finger in it. */
const fieldOfTyped = (label: string): Field | undefined => {
  const field = fieldOf(label)
  if (field !== undefined || label.length > 40) return field
  const words = label.toLowerCase().split(' ')
  return fieldOf(words.map((word) => withoutSlip(word) ?? word).join(' '))
}

/** `Last name`, and the same in other languages. */
const familyLabel = /^(?:my |your )?(?:last ?name|surname|family ?name|nachname|familienname|apellidos?|nom(?: de famille)?|фамилия)$/iu

const separator = /[:：=?？]+|\s[-–—]+(?=\s|$)|[-=]>|→/gu

/** `First name`, and the same in other languages. */
const givenLabel = /^(?:my |your )?(?:first ?name|given ?name|vorname|prénom|nombre|имя|ім['’]я|voornaam|förnamn|imię)$/iu

/** Sentences that say what a line is about. */
const sentences: readonly (readonly [Field, RegExp])[] = [
  ['interests', /^(?:i(?:'|’)?m |i am |am |mainly |mostly )*interested in[\s:]+(.+)$/iu],
  ['interests', /^i (?:really |also |mostly )*(?:like|love|enjoy)\s+(?!to\s)(.+)$/iu],
  ['interests', /^(?:ich interessiere mich für|me interesa|je m['’]intéresse à|интересуюсь|меня интересует|меня интересуют)\s+(.+)$/iu],
  ['invitedBy', /^(?:i (?:was|am|got) )?(?:invited|referred|vouched for|recommended|introduced) (?:here |in )?by[\s:]+(.+)$/iu],
  ['invitedBy', /^(?:eingeladen (?:von|durch)|invitée? par|invitad[oa] por|me invitó|меня пригласил(?:а|и)?|пригласил(?:а|и)?)\s+(.+)$/iu],
  ['organization', /^(?:i work (?:at|for|with)|i(?:'|’)?m (?:at|from|with)|working (?:at|for)|ich arbeite bei|работаю в)\s+(.+)$/iu],
  ['email', /^(?:my )?e-?mail(?: address)?(?: is)?\s+(\S+@\S+)$/iu],
  ['email', /^(?:you can |please )?(?:reach|contact|e?-?mail|write(?: to)?) me (?:at|on|under|via):?\s+(\S+@\S+)$/iu],
  ['email', /^e[:.]\s*(\S+@\S+)$/iu],
  ['phone', /^[tmp][:.]\s*(\+?[0-9][0-9\s().-]{5,})$/iu],
  ['phone', /^(?:my )?(?:phone|mobile|tel)(?: number)?(?: is)?\.?\s+(\+?[0-9][0-9\s().-]{5,})$/iu],
]

const greeting =
  /^(?:hi|hello|hey|hallo|hola|salut|bonjour|привет|здравствуйте|good (?:morning|evening|day))(?:\s+(?:all|everyone|everybody|there|folks|team))?[\s,.!👋🙂😊]*/iu
const ownName =
  /^(?:my (?:full )?name is|my name(?:'|’)s|my name|i am|i(?:'|’)m|this is|name is|ich bin|ich hei(?:ß|ss)e|mein name ist|je m['’]appelle|je suis|me llamo|soy|меня зовут|name)\s+(.+)$/iu

/** "I am Ada, a mathematician" → Ada. Names begin with a capital, where the script has any. */
const nameIn = (text: string): string | undefined => {
  const here =
    /^((?!(?:Ok|Okay|Yes|Sure|From|Over|Right|Being|Also|New|Live|Look|Write|Its|My|The|Not)\s)\p{Lu}[\p{L}\p{M}'’.-]*(?: \p{Lu}[\p{L}\p{M}'’.-]*){0,3}) here(?=\s*(?:[,.!;–-]|$)|\s(?:from|and|at|with)\s)/u.exec(
      text.replace(greeting, ''),
    )?.[1]
  if (here !== undefined) return here
  const found = ownName.exec(text.replace(greeting, ''))?.[1]
  const name = found?.split(/[,.;!:(]|\s(?:and|from|at|und|aus|von der|et|y|из)\s/iu, 1)[0]?.trim()
  return name !== undefined && /^[\p{Lu}\p{Lo}\p{Lt}]/u.test(name) ? name : undefined
}

/** Reads the label of a line. */
export const labelled = (written: string): Labelled | undefined => {
  // "[Name] Ada"
  const line = written.replace(/^\[([^[\]]{2,40})\]\s*:?\s*/u, (brackets, label: string) =>
    fieldOf(label) === undefined ? brackets : `${label}: `,
  )
  let tries = 0
  for (const match of line.matchAll(separator)) {
    if (match.index > 80 || tries >= 3) break
    tries += 1
    if (/\([^)]*$/u.test(line.slice(0, match.index))) continue
    const field = fieldOfTyped(line.slice(0, match.index))
    if (field === undefined) continue
    // "Who invited you?: Mo"
    const value = line
      .slice(match.index + match[0].length)
      .replace(/^[\s:：=?→>–—-]+(?=\S)/u, '')
      .trim()
    const label = line.slice(0, match.index).trim()
    return {
      field,
      value,
      soft: false,
      ...(familyLabel.test(label) ? { familyName: true } : {}),
      ...(givenLabel.test(label) ? { givenName: true } : {}),
    }
  }
  for (const [field, sentence] of sentences) {
    const value = sentence.exec(line)?.[1]
    if (value !== undefined) return { field, value: value.trim(), soft: true }
  }
  const name = nameIn(line)
  return name === undefined ? undefined : { field: 'name', value: name, soft: true }
}

/** `Organization Analytical Engines`: a label without a sign behind it. Only to be believed where several lines are written so. */
export const looselyLabelled = (line: string): Labelled | undefined => {
  const words = line.split(' ')
  // A question that was copied is no answer.
  if (fieldOf(line) !== undefined) return undefined
  for (let length = Math.min(words.length - 1, 8); length > 0; length -= 1) {
    const field = fieldOf(words.slice(0, length).join(' '))
    if (field !== undefined && field !== 'other') return { field, value: words.slice(length).join(' '), soft: false }
  }
  return undefined
}
