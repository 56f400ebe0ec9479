import { withoutContacts } from './introduction-email.ts'

const skipped = new Set(
  (
    'skip|skipped|skipping|n/a|na|n.a.|none|no|nope|nil|null|nothing|no one|nobody|-|--|---|–|—|.|..|…|/|?|tbd|pass|not applicable|prefer not to say|' +
    "don't have one|dont have one|i don't have one|no thanks|no thank you|rather not|not yet|keine|keins|nein|nein danke|kein|nichts|non|non merci|no gracias|нет спасибо|aucun compte|keiner|aucun|aucune|ninguno|ninguna|nada|нет|не указано|пропустить|нема|немає|אין|דלג|תדלג|تخطي|لا يوجد|لا شيء|不适用|无|無|没有|跳过|なし|없음|geen|brak|yok|ingen|nessuno|nessuna|nenhum|nenhuma|" +
    'n.a|n\\a|not available|not affiliated|no affiliation|unaffiliated|blank|empty|will skip|skip this|skip it|later|xx|xxx|unknown|idk|dunno|i forgot|forgot|omitir|omito|saltar|pular|überspringen|entfällt|k.a.|passer|je passe|sauter|saltare|salto|overslaan|hoppa över|pomijam|pomiń|geç|atla|пропуск|пропускаю|スキップ|건너뛰기'
  ).split('|'),
)

/** "No LinkedIn", "skip for now", "I don't have one": words that begin so are no answer either. */
const noAnswer =
  /^(?:skip(?:ping|ped)?[\s,–-]*(?:\(|for now|this|that|it|please|pls|sorry|thanks|thank you)|n\/a[\s,(–-]|none\s*\(|(?:no|none|nope|not)[\s,.!–-]+(?:thanks|thank you|sorry|linked ?in|profile|account|organi[sz]ation|org|company|affiliation|employer|inviter|invite|invitation|e-?mail|one in particular|one specific|at the moment|currently|for now|yet|available|applicable|using|on linked ?in|on it|on there)(?![\p{L}\p{N}])|(?:sorry,? )?(?:i )?(?:do not|don['’]?t|haven['’]?t|can['’]?t|cannot) (?:have|use|got|remember|recall|know)(?![\p{L}\p{N}])|not sure(?: yet)?[\s.!]*$|no idea(?![\p{L}\p{N}])|(?:i['’]?m |i am )?not on (?:linked ?in|it|there)(?![\p{L}\p{N}])|(?:i['’]?d |i would )?(?:rather|prefer) not(?![\p{L}\p{N}]))/iu

/** Did the person leave it out on purpose? */
export const isSkip = (text: string): boolean =>
  text === 'x' ||
  (text.length <= 80 && noAnswer.test(text)) ||
  skipped.has(
    text
      .toLowerCase()
      .replaceAll('’', "'")
      .replace(/\s*[:;]-?[)(dp]$/u, '')
      .replaceAll(/[()[\]"“”*_]/gu, '')
      .replace(/(?<=\p{L})[.!]+$/u, '')
      .trim(),
  )

const chatterStart =
  /^(?:hi|hello|hey|hallo|hola|salut|bonjour|привет|здравствуйте|שלום|مرحبا|thanks|thank you|thx|danke|merci|gracias|спасибо|תודה|شكرا|cheers|regards|kind regards|best regards|best wishes|greetings|looking forward|nice to meet|glad to|happy to|excited to|pleased to|good (?:morning|evening|day|afternoon)|sorry|here (?:is|are|you go)|here's|my (?:intro|introduction|answers|info)|introducing myself|about me|introduction|intro|sent from|as requested|@room|edit|ps|p\.s|hope (?:this|that|it|you)|let me know|please let|is (?:that|this) (?:all|it|ok|okay|enough|fine|right)|that['’]?s (?:it|all|me)|can['’]?t wait|i['’]?m (?:(?:so|really|very) )?(?:looking|excited|happy|glad|pleased)|see you|anything else|best[\s,.!]*$|all the best|warmly|(?:ok|okay|yes|yep|sure|alright|of course|no problem|great|perfect)(?:[\s,.!:]*$|[\s,.!:]+.*[:!.]$)|here goes|viele grüße|liebe grüße|mfg|lg)(?![\p{L}\p{N}])/iu

/** The last words of a letter: what stands below is the name once more. */
export const isSignOff = (text: string): boolean =>
  /^(?:thanks|thank you|thx|many thanks|cheers|regards|(?:kind|best|warm) (?:regards|wishes)|best[\s,.!]*$|all the best|warmly|(?:ok|okay|yes|yep|sure|alright|of course|no problem|great|perfect)(?:[\s,.!:]*$|[\s,.!:]+.*[:!.]$)|here goes|yours|sincerely|danke|merci|gracias|спасибо|viele grüße|liebe grüße|lg|mfg)[\s,.!–-]*(?:(?:again|a lot|everyone|all|so much|very much)[\s,.!]*)?$/iu.test(
    text,
  )

/** Greetings, thanks and what else stands around an introduction. */
export const isChatter = (text: string): boolean => chatterStart.test(text) || /^[\p{P}\p{S}\s]+$/u.test(text.replaceAll(/[-–—/?.]/gu, 'x'))

const picture = /(?:(?![©®™])\p{Extended_Pictographic}|\p{Regional_Indicator}|\p{Emoji_Modifier}|\ufe0f|\u200d)/u
/** Without pictures, quotes and commas around it. */
export const withoutEnds = (text: string): string => {
  const ends = new RegExp(`^(?:${picture.source}|[\\s,;"“”„«»])+|(?:${picture.source}|[\\s,;"“”„«»])+$`, 'gu')
  return text.replaceAll(ends, '').trim()
}

const longest = 200

/** A short text as it was meant: without pictures and quotes around it, without addresses in it. undefined = nothing, or left out. */
export const plainValue = (text: string): string | undefined => {
  if (isSkip(withoutEnds(text))) return undefined
  const value = withoutEnds(withoutContacts(text).replaceAll(/\(\s*\)/gu, ''))
    .replace(/(?<=[\p{L}\p{N})])[!,;]+$|(?<=[\p{L}\p{N})])(?<!\b(?:\p{L}|inc|ltd|co|corp|jr|sr|st|dr|univ))\.+$/iu, '')
    .slice(0, longest)
    .trim()
  return value === '' || isSkip(value) || !/[\p{L}\p{N}]/u.test(value) ? undefined : value
}

const unwrapped = (text: string): string => text.trim().replace(/^\[([^[\]]*)\]$/u, '$1')

/** A name: pronouns behind it are left out. */
export const nameValue = (text: string): string | undefined =>
  plainValue(
    unwrapped(text)
      // "Ada Lovelace, 27"
      .replace(/(?<=\p{L})(?:\s*,\s*|\s*\()[1-9][0-9](?:\s?(?:y\.?\s?o\.?|years? old))?\)?$/iu, '')
      .replace(/\s*[([](?:she|he|they|it|any|sie|er|elle|il|ella|él)\b[^)\]]*[)\]]/iu, '')
      .replace(/[\s,;|–-]+(?:she|he|they|xe|ze)\s?\/\s?(?:her|him|them|they|she|he|xem|zir|hers|his|theirs)(?:\s?\/\s?\p{L}+)?$/iu, ''),
  )

/** An organization, without the sentence around it and without its page at LinkedIn. */
export const organizationValue = (text: string): string | undefined =>
  plainValue(
    unwrapped(text)
      .replaceAll(/\(?(?:https?:\/\/)?(?:[a-z]{1,3}\.)?linkedin\.com\/[^\s)]*\)?/giu, ' ')
      .replace(
        /^(?:i (?:currently |am |)?(?:work(?:ing)?|study(?:ing)?) (?:at|for|with)|i(?:['’]m| am) (?:currently )?(?:at|from|with)|works? (?:at|for))\s+(?=\S)/iu,
        '',
      )
      .replace(/^(?:from|at)\s+(?=\p{Lu})/u, ''),
  )

/** Who invited them: the Matrix id that a link holds, else the name as it was written. */
export const inviterValue = (text: string): string | undefined =>
  plainValue(
    unwrapped(text)
      .replace(/^(?:i (?:was|got|am) )?(?:(?:invited |referred )?by|from)\s+(?=\S)/iu, '')
      .replace(
        /^(\S[^,;.]{0,60}?)\s+(?:has |have |who |kindly |had )?(?:invited|referred|recommended|introduced|told|brought|added|sent)\s+(?:me|us)(?![\p{L}\p{N}]).*$/iu,
        '$1',
      )
      .replace(
        /^[Mm]y (?:good |old |best |dear )?(?:friend|colleague|co-?worker|boss|manager|partner|wife|husband|brother|sister)s?,?\s+(?=[\p{Lu}@])/u,
        '',
      )
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
