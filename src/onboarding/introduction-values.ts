import { withoutContacts } from './introduction-email.ts'

const skipped = new Set(
  (
    'skip|skipped|skipping|n/a|na|n.a.|none|no|nope|nil|null|nothing|no one|nobody|-|--|---|–|—|.|..|…|/|?|tbd|pass|not applicable|prefer not to say|' +
    "don't have one|dont have one|i don't have one|no thanks|no thank you|rather not|not yet|keine|keins|nein|nichts|keiner|aucun|aucune|ninguno|ninguna|nada|нет|не указано|пропустить|אין|دلג|تخطي|لا يوجد|不适用|无"
  ).split('|'),
)

/** Did the person leave it out on purpose? */
export const isSkip = (text: string): boolean =>
  skipped.has(
    text
      .toLowerCase()
      .replaceAll('’', "'")
      .replaceAll(/[()[\]"“”*_]/gu, '')
      .replace(/(?<=\p{L})[.!]+$/u, '')
      .trim(),
  )

const chatterStart =
  /^(?:hi|hello|hey|hallo|hola|salut|bonjour|привет|здравствуйте|שלום|مرحبا|thanks|thank you|thx|danke|merci|gracias|спасибо|תודה|شكرا|cheers|regards|kind regards|best regards|best wishes|greetings|looking forward|nice to meet|glad to|happy to|excited to|pleased to|good (?:morning|evening|day|afternoon)|sorry|here (?:is|are|you go)|here's|my (?:intro|introduction|answers|info)|introduction|intro|sent from|as requested|@room|edit|ps|p\.s)(?![\p{L}\p{N}])/iu

/** Greetings, thanks and what else stands around an introduction. */
export const isChatter = (text: string): boolean => chatterStart.test(text) || /^[\p{P}\p{S}\s]+$/u.test(text.replaceAll(/[-–—/?.]/gu, 'x'))

const picture = /(?:\p{Extended_Pictographic}|\p{Regional_Indicator}|\p{Emoji_Modifier}|\ufe0f|\u200d)/u
const trimmed = (text: string): string => {
  const ends = new RegExp(`^(?:${picture.source}|[\\s,;"“”„«»])+|(?:${picture.source}|[\\s,;"“”„«»])+$`, 'gu')
  return text.replaceAll(ends, '').trim()
}

const longest = 200

/** A short text as it was meant: without pictures and quotes around it, without addresses in it. undefined = nothing, or left out. */
export const plainValue = (text: string): string | undefined => {
  if (isSkip(trimmed(text))) return undefined
  const value = trimmed(withoutContacts(text).replaceAll(/\(\s*\)/gu, ''))
    .replace(/(?<=[\p{L}\p{N})])[!,;]+$|(?<=[\p{L}\p{N})])(?<!\b(?:\p{L}|inc|ltd|co|corp|jr|sr|st|dr|univ))\.+$/iu, '')
    .slice(0, longest)
    .trim()
  return value === '' || isSkip(value) || !/[\p{L}\p{N}]/u.test(value) ? undefined : value
}

/** A name: pronouns behind it are left out. */
export const nameValue = (text: string): string | undefined =>
  plainValue(text.replace(/\s*[([](?:she|he|they|it|any|sie|er|elle|il|ella|él)\b[^)\]]*[)\]]/iu, ''))

/** Who invited them: the Matrix id that a link holds, else the name as it was written. */
export const inviterValue = (text: string): string | undefined =>
  plainValue(
    text
      .replace(/^(?:(?:invited |referred )?by|from)\s+(?=\S)/iu, '')
      .replaceAll(/https:\/\/matrix\.to\/#\/(?:%40|@)([^\s?/]+)(?:\?\S*)?/giu, (_, id: string) => `@${id.replaceAll(/%3a/giu, ':')}`),
  )

/** Could it be somebody's name? */
export const looksLikeName = (text: string): boolean => {
  const words = text.split(/\s+/u)
  if (text.length > 60 || words.length > 6 || isChatter(text)) return false
  return /^[\p{L}\p{M}\s'’.,"“”()-]+$/u.test(text.replaceAll(new RegExp(picture.source, 'gu'), '')) && !/[.!?]\s+\p{L}{3,}/u.test(text)
}

const particles = /^(?:de|da|di|do|dos|del|della|la|le|van|von|der|den|ten|bin|ibn|al|el|y|e|of|the|zu)$/iu
/** Every word with a capital, where the script has any: a name rather than an instruction. */
export const isCapitalised = (text: string): boolean =>
  text.split(/[\s-]+/u).every((word) => particles.test(word) || /^[^\p{L}]*[\p{Lu}\p{Lo}\p{Lt}]/u.test(word) || !/\p{L}/u.test(word))

/** Interests: separated by commas, semicolons, bars or lines; commas inside brackets separate nothing. */
export const interestsIn = (lines: readonly string[]): readonly string[] => {
  const found = new Map<string, string>()
  for (const line of lines) {
    if (isSkip(trimmed(line))) continue
    for (const part of split(line)) {
      const bare = part.replace(/^\s*(?:(?:and|&|und|et|y|и)\s+|[-*•·]\s*)/iu, '')
      // An address among the interests was meant for another line: it must not be seen by everybody.
      if (/@[\p{L}\p{N}]/u.test(bare) || /linkedin\.com\//iu.test(bare)) continue
      const interest = plainValue(bare.replace(/^\s*#/u, ''))
      if (interest !== undefined && !found.has(interest.toLowerCase())) found.set(interest.toLowerCase(), interest)
    }
  }
  return [...found.values()].slice(0, 50)
}

const split = (line: string): readonly string[] => {
  const parts: string[] = []
  let depth = 0
  let part = ''
  for (const [index, sign] of Array.from(line).entries()) {
    if ('([（'.includes(sign)) depth += 1
    else if (')]）'.includes(sign)) depth = Math.max(0, depth - 1)
    const separates = /[,;|•·，、،؛；]/u.test(sign) && depth === 0 && index > 0
    if (separates) {
      parts.push(part)
      part = ''
    } else part += sign
  }
  parts.push(part)
  return parts
}

/** The address of a LinkedIn profile without its query. */
export const linkedinIn = (text: string): string | undefined => {
  const found = /(?:https?:\/\/)?(?:[a-z]{2,3}\.)?linkedin\.com\/[^\s?#<>()[\]"'，,;]+/iu.exec(text)?.[0]?.replace(/[.!:]+$/u, '')
  if (found === undefined) return undefined
  return /^https?:/iu.test(found) ? found : `https://${found}`
}
