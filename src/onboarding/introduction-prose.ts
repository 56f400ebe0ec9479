import { findEmails } from './introduction-email.ts'
import type { FoundEmail } from './introduction-email.ts'
import { interestsIn } from './introduction-interests.ts'
import type { Field } from './introduction-words.ts'
import { inviterValue, isCapitalised, nameValue, organizationValue } from './introduction-values.ts'

// Introductions in one or two sentences: "Hi, I'm Ada from Engines, Mo invited me, my email is ada@example.org and I'm into maths". What is
// read here is a guess by its words, and marked so: a moderator confirms it before an account is made.

/** What sentences say. */
export interface Told {
  readonly name: string
  readonly organization: string | undefined
  readonly invitedBy: string | undefined
  readonly emails: readonly FoundEmail[]
  readonly interests: readonly string[]
}

/** Longer texts are a story. */
const longest = 1_000
const mostLines = 12

type Topic = Extract<Field, 'name' | 'organization' | 'invitedBy' | 'email' | 'interests'> | 'end'

/** An end of a word, in any script. */
const end = String.raw`(?![\p{L}\p{N}])`
const begin = String.raw`(?<![\p{L}\p{N}])`
const words = (pattern: string): RegExp => new RegExp(`${begin}(?:${pattern})${end}[:\\s]*`, 'giu')

const adverbs = String.raw`(?:(?:also|mainly|mostly|really|very|currently|especially|particularly|generally|just|quite|super|always) )*`
const i = String.raw`(?:i ?['’]? ?m|i am)`

/** Words behind which something is told. */
const openings: readonly (readonly [Topic, RegExp])[] = [
  [
    'name',
    words(
      String.raw`(?:and )?(?:my (?:full )?name(?: is|['’]s)|(?:my )?name is|call me|ich hei(?:ß|ss)e|mein name ist|je m['’]appelle|moi,? c['’]est|mon nom est|me llamo|mi nombre es|mi chiamo|меня зовут|мене звати)`,
    ),
  ],
  [
    'organization',
    words(
      String.raw`(?:and )?(?:i |${i} |who |we )?${adverbs}(?:work(?:s|ing)?|stud(?:y|ies|ying)(?: [\p{L}-]+){0,3}|based|employed|teach(?:ing)?|doing research) (?:(?:on|in|as) (?:[\p{L}/-]+ ){1,5}?)?(?:at|for|with|@)|(?:and )?i (?:run|lead|own|founded|co-?founded|head|direct)|founder of|(?:and |, )?${i} ${adverbs}(?:an?|the) (?:[\p{L}/-]+ ){1,6}?(?:at|with|from)|(?:and |, )?${i} ${adverbs}(?:from|with|at|part of|representing)|(?:(?:and|,) )?(?:my )?(?:org|organi[sz]ation|company|employer|affiliation|university)(?: is|['’]s|:)|(?:und )?(?:ich )?arbeite (?:gerade )?(?:bei(?: der| dem)?|für)|(?:et )?(?:je )?(?:travaille|bosse) (?:chez|à|pour)|(?:y )?trabajo (?:en|para)|(?:e )?lavoro (?:a|per|presso)|(?:я )?(?:работаю|учусь) (?:в|на)|працюю (?:в|у|на)`,
    ),
  ],
  [
    'invitedBy',
    words(
      String.raw`(?:and )?(?:(?:i|${i}|i was|i got|was|got|am|having been) )?(?:been )?(?:invited|referred|recommended|introduced|brought|sent|pointed|added|vouched for)(?: (?:here|in|over|to (?:this|the|your) (?:\p{L}+ )?(?:community|group|room|space|server|chat|place)))* (?:by|from)|(?:and )?my (?:inviter|invite|invitation|referr?er|voucher|sponsor|referral)(?: is| was|['’]s| came from| comes from| from|:)|inviter(?: is|:)|invite from|(?:and )?(?:i )?(?:heard|learned|learnt|found out|found|know|knew)(?: (?:about|of))?(?: (?:this|it|you|the|your|here|community|group|place|server|room|space|all|guys))* (?:from|through|via|by|thanks to)|(?:und )?(?:ich wurde )?eingeladen (?:wurde ich )?(?:von|durch)|(?:et )?(?:j['’]ai été )?invitée? par|(?:y )?(?:fui )?invitad[oa] por|(?:y )?me invitó|(?:меня |и )*пригласил(?:а|и)?|(?:мене )?запроси(?:в|ла)`,
    ),
  ],
  [
    'email',
    words(
      String.raw`(?:(?:and|you can|please|feel free to|und|et|y|и|best to) )*(?:(?:my|the|mine|meine?|mon|mi|моя|мой|work|personal|contact) )*(?:e-?mail(?:[ -]?(?:address|adresse|id))?|mail|address|correo(?: electrónico)?|courriel|адрес|почта|пошта|имейл|reach me|contact me|write(?: to)? me|find me|mail me|email me|reachable)(?: (?:is|at|on|under|via|ist|lautet|est|es|through|by e-?mail(?: at)?))*`,
    ),
  ],
  [
    'interests',
    words(
      String.raw`(?:and )?(?:(?:i|${i}|am|who is) )?${adverbs}(?:interested in|into|passionate about|keen on|curious about|fond of|excited about|a (?:big |huge )?fan of)|(?:and )?i ${adverbs}(?:like|love|enjoy|care about|do)(?! to${end})|(?:and )?(?:my |main |some of my |current )*(?:interests?|hobbies|passions|topics)(?: of interest)?(?: are| is| include| lie in)?|(?:und )?(?:ich )?interessiere mich für|(?:und )?mich interessier(?:t|en)|interessen(?: sind)?|(?:et )?je m['’]intéresse (?:à|aux|au)|(?:et )?j['’]aime|(?:y )?me (?:interesan?|gustan?)|(?:и )?(?:я )?(?:интересуюсь|увлекаюсь|люблю)|(?:мои )?интересы|цікавлюся`,
    ),
  ],
  [
    'end',
    words(
      String.raw`(?:and )?(?:my )?(?:linked ?in|phone|mobile|cell|signal|whatsapp|telegram|telefon|handy|телефон)(?: (?:number|profile|is|page|url|link|handle))*|looking forward|thank(?:s| you)|nice to meet|happy to|glad to|excited to|please|hope to|i hope|can['’]t wait|i live|${i} (?:living|based) in|i (?:want|would|['’]d|hope|am looking|wish)|${i} (?:looking|hoping|happy|glad|excited|new)|cheers|regards`,
    ),
  ],
]

const greeting =
  /^(?:(?:hi|hello|hey|hiya|howdy|hallo|hola|salut|bonjour|ciao|moin|servus|привет|привіт|здравствуйте|добрый день|good (?:morning|evening|day|afternoon)|greetings|intro(?:duction)?|about me|thanks for (?:having|adding|inviting|the invit)[^.!,;:]{0,40})(?!\p{L})(?: (?:all|everyone|everybody|there|folks|team|friends|guys|people|y['’]all|zusammen|a todos|à tous|всем|всім))*[\s,.!:;–—-]*)+/iu
const capital = String.raw`(?!I(?:['’ ]|\s))\p{Lu}(?:[\p{L}\p{M}'’-]+|\.)`
const person = String.raw`(?!(?:This|My|The|We|Please)\s)(?:(?:Dr|Prof|Mr|Mrs|Ms|Mx)\.?\s){0,2}${capital}(?:\s(?:(?:de|da|di|van|la|le|al|bin|el|dos|del)\s)*(?:${capital}|["“][\p{L} ]{1,20}["”])){0,4}`
/** "I am Ada", "this is Ada", and the name at the very beginning. */
const selfName = new RegExp(
  String.raw`(?:^|[\s,.!(])(?:[Ii] ?['’]? ?[Mm]|[Ii] [Aa]m|[Tt]his is|[Ii]t['’]s|[Ii]ch bin|[Jj]e suis|[Ss]oy|[Ss]ono|[Яя])\s(${person}|\p{Lo}{2,12})`,
  'u',
)
/** "hey im dave, …" */
const lowerName = /^[Ii] ?['’]?m ([\p{Ll}][\p{L}\p{M}'’-]{1,20}(?: [\p{Ll}][\p{L}\p{M}'’-]{1,20})?)(?=\s*(?:[,.!]|$|\sfrom\s))/u
const here = new RegExp(String.raw`^(${person}),?\s(?:here|checking in)${end}`, 'u')
const atBegin = new RegExp(String.raw`^(${person})(?=\s*(?:[,(]|[–—|/;-]\s|\.\s|\s(?:from|at|of|with)\s))`, 'u')
/** Whoever invited stands before the verb: "Mo invited me". */
const inviterBefore = new RegExp(
  String.raw`(?:^|(?<!${begin}(?:St|Dr|Mr|Ms|Mrs|Prof))[.]\s*|[,;!\n(–—-]\s*|${begin}(?:and|as|because|since|by|my (?:good |old |dear )?(?:friend|colleague|boss|partner|manager)s?,?)\s+)((?:my (?:friend|colleague|boss|partner|manager)s? )?(?:@[^\s:,]+:[^\s,;]+|@?(?:\p{L}\.|[\p{L}\p{M}][\p{L}\p{M}'’-]*)(?:\s(?:\p{L}\.|[\p{L}\p{M}'’-]+)){0,4})(?:\s?\([^()]{0,60}\))?)\s+(?:(?:has|who|kindly|had|also|recently|just) )*(?:(?:invited|referred|recommended|introduced|brought|told|added|sent|pointed|vouched for) (?:me|us)|suggested (?:that )?(?:i (?:should )?join|me|this)|suggested to join|hat mich eingeladen|m['’]a invitée?|me invitó)${end}`,
  'iu',
)
/** The organization behind the name or the profession: "Ada from Engines", "a mathematician at Engines", "Ada (Engines)". */
const besideName =
  /^,?\s*(?:\(([^()]{2,60})\)|(?:[,–—-]?\s*(?:and )?(?:(?:[Ii] ?['’]?m|[Ii] am|the|working as|currently)\s+)*(?:an?\s+|the\s+)?(?:(?!invited|interested|from)\p{Ll}[\p{L}/-]*\s){0,5}?)(?:from|at|of|with|for|@|von der|vom|von|bei der|bei|aus|chez|de|из)\s+([^\s].*))/u

const sentenceEnd = /[!?;\n]|\.(?=\s|$)/gu
/** A stop behind which the sentence goes on. */
const abbreviation = /(?:^|[\s(])(?:\p{L}|dr|prof|mr|mrs|ms|inc|ltd|co|corp|st|jr|sr|e\.g|i\.e|dept|univ)$/iu

/** Where the sentence that `from` is in ends. */
const endOf = (text: string, from: number): number => {
  sentenceEnd.lastIndex = from
  for (let found = sentenceEnd.exec(text); found !== null; found = sentenceEnd.exec(text))
    if (found[0] !== '.' || !abbreviation.test(text.slice(Math.max(from, found.index - 8), found.index))) return found.index
  return text.length
}

interface Opening {
  readonly topic: Topic
  readonly at: number
  readonly from: number
}

const openingsIn = (text: string): readonly Opening[] =>
  openings
    .flatMap(([topic, pattern]) =>
      [...text.matchAll(pattern)].map((found) => ({ topic, at: found.index, from: found.index + found[0].length })),
    )
    .toSorted((one, other) => one.at - other.at || other.from - one.from)

/** Addresses stand as this sign while sentences are cut: their stops end none. */
const sign = '\ue000'
const trimmedEnd = (text: string): string => text.replace(/(?:[\s,;:(–—-]|(?<=\s)(?:and|und|et|y|и|i|my|also|at|is))+$/iu, '').trim()

/** A piece up to the first sign that ends a short answer. */
const short = (text: string): string =>
  trimmedEnd(
    text.split(
      /[,;()|]|\s[–—-]\s|\sas an?\s|\s(?:and|but|who|where|und|aber|et|y|и)\s(?=i[\s'’]|my |you |\p{Ll}+(?:e|ed|ing|s)?\s|ich |je |me )|\ue000/u,
      1,
    )[0] ?? '',
  )

const isThirdPerson = (text: string): boolean =>
  /^.{0,40}(?:wrote|writes|says|said|forwarded|fwd)(?!\p{L}).{0,40}[:\n]|(?<!\p{L})(?:(?:her|his|their) (?:e-?mail|name|address)|(?:she|he) (?:is|works|was|has|likes)|(?:she|he)['’]s|please welcome|meet our|should i)(?!\p{L})/iu.test(
    text,
  )

const nameOf = (
  text: string,
  all: readonly Opening[],
  ends: (from: number) => number,
): { readonly name: string; readonly behind: number } | undefined => {
  const plain = text.replace(greeting, '')
  const offset = text.length - plain.length
  const opening = all.find(({ topic }) => topic === 'name')
  const given =
    opening === undefined
      ? undefined
      : short(text.slice(opening.from, ends(opening.from))).split(/\s(?:from|at|of|with|and|und|et|y|и|von|aus|from the)\s/iu, 1)[0]
  if (opening !== undefined && given !== undefined && isName(given)) return { name: given, behind: opening.from + given.length }
  for (const pattern of [here, selfName, atBegin]) {
    const found = pattern.exec(plain)
    const name = found?.[1]?.replace(/[.,\s-]+$/u, '')
    if (found === null || name === undefined || !isName(name) || !isCapitalised(name)) continue
    return { name, behind: offset + found.index + found[0].indexOf(name) + name.length }
  }
  const lower = lowerName.exec(plain)
  const name = lower?.[1]
  return name === undefined || !isName(name) ? undefined : { name, behind: offset + (lower?.[0].length ?? 0) }
}

const noName =
  /^(?:i|it|the|this|that|we|you|not|here|interested|from|in|at|new|a|an|also|very|so|just|invited|looking|happy|please|my|sorry|thanks|lost|fine|good|ok|sure|glad|curious|having|trying|writing|what|who|how|why|where|when|if|our|your|is|are)$/iu
const isName = (text: string): boolean =>
  text.length >= 2 &&
  text.length <= 60 &&
  text.split(/\s+/u).length <= 6 &&
  /^[\p{L}\p{M}\s'’."“”()-]+$/u.test(text) &&
  !noName.test(text.split(/\s+/u)[0] ?? '')

/**
 * Reads an introduction in sentences. It takes a name, and either an own address with two more things, or organization, inviter and interests.
 * @param lines without marks and labels that could be read in another way
 * @returns undefined when it is none, or about somebody else
 */
export const readProse = (lines: readonly string[]): Told | undefined => {
  const whole = lines.map((line) => (/[.!?,;:]$/u.test(line) ? line : `${line}\n`)).join(' ')
  if (whole.length > longest || lines.length > mostLines || isThirdPerson(whole)) return undefined
  const emails = findEmails(whole)
  const text = emails
    .reduce((rest, { address, written }) => rest.replaceAll(written ?? address, sign), whole)
    .replaceAll(/(?![©®™])\p{Extended_Pictographic}[\p{Emoji_Modifier}\ufe0f\u200d]*/gu, '\n')
    .replaceAll(/mailto:|(?:https?:\/\/)?(?:[a-z]{1,3}\.)?linkedin\.com\/[^\s,;)]*/giu, ' ')
    .trim()
  const all = openingsIn(text)
  const ends = (from: number): number => Math.min(endOf(text, from), all.find(({ at }) => at >= from)?.at ?? text.length)
  const named = nameOf(text, all, ends)
  const name = named === undefined ? undefined : nameValue(named.name)
  if (named === undefined || name === undefined) return undefined
  const behind = (topic: Topic): readonly string[] =>
    all
      .filter((one) => one.topic === topic)
      .map(({ from }) => trimmedEnd(text.slice(from, ends(from))))
      .filter((piece) => piece !== '')

  const beside = besideName.exec(text.slice(named.behind, ends(named.behind)))
  const organization =
    beside?.[1] ?? short(beside?.[2] ?? workplace(text, all, ends) ?? afterComma(text.slice(named.behind, ends(named.behind))))
  const before = inviterBefore.exec(text)
  const invitedBy = before?.[1] ?? behind('invitedBy').map(short)[0]
  const liked = behind('interests').map((piece) => trimmedEnd(piece.replaceAll(sign, '')))
  const interests = interestsIn(liked.length > 0 ? liked : listBehindAddress(text, all))
  const inviters = new Set(addressesBesideInviter(text, before, all, ends))
  const own = ownAddresses(text, emails, whole, inviters)
  const told: Told = {
    name,
    organization: organization === '' ? undefined : organizationValue(withoutInviter(organization, before?.[1])),
    invitedBy: invitedBy === undefined ? undefined : inviterValue(invitedBy.replaceAll(sign, '').replaceAll(/\(\s*\)/gu, '')),
    emails: own,
    interests,
  }
  const said = [told.organization, told.invitedBy, told.interests[0]].filter((value) => value !== undefined).length
  return said >= (own.length > 0 ? 2 : 3) ? told : undefined
}

/** Where they work; where they come "from" only if nothing else is said. */
const workplace = (text: string, all: readonly Opening[], ends: (from: number) => number): string | undefined => {
  const pieces = all
    .filter(({ topic }) => topic === 'organization')
    .map(({ at, from }) => ({ isOrigin: /\sfrom\s*$/iu.test(text.slice(at, from)), piece: trimmedEnd(text.slice(from, ends(from))) }))
    .filter(({ piece }) => piece !== '')
  return (pieces.find(({ isOrigin }) => !isOrigin) ?? pieces[0])?.piece
}

/** "…, ada@example.org. Maths, poetry." without a word that says what these are. */
const listBehindAddress = (text: string, all: readonly Opening[]): readonly string[] => {
  const at = text.lastIndexOf(sign)
  if (at === -1 || all.some((one) => one.at > at)) return []
  const list = /^[\s.,;:–—-]*([^.!?\n]{2,120})[.!\s]*$/u.exec(text.slice(at + 1))?.[1] ?? ''
  return /^\p{L}[^,]{1,30}(?:,\s*[^,]{1,30})+$/u.test(list) ? [list] : []
}

/** "Engines and Mo invited me": the organization ends where the inviter begins. */
const withoutInviter = (organization: string, inviter: string | undefined): string => {
  const at = inviter === undefined ? -1 : organization.indexOf(inviter)
  return at > 0 ? trimmedEnd(organization.slice(0, at)) : organization
}

/** "Ada, Engines." at the beginning. */
const afterComma = (text: string): string => /^\s*[,–—|/-]\s*(?!I\s)(\p{Lu}[^,.;!?\n]{1,60})/u.exec(text)?.[1] ?? ''

/** Which of the addresses (counted from 0) stand beside the inviter: they are not the person's own. */
const addressesBesideInviter = (
  text: string,
  before: RegExpExecArray | null,
  all: readonly Opening[],
  ends: (from: number) => number,
): readonly number[] => {
  const ranges: readonly (readonly [number, number])[] = [
    ...(before === null ? [] : [[before.index, before.index + before[0].length] as const]),
    ...all.filter(({ topic }) => topic === 'invitedBy').map(({ from }) => [from, Math.min(ends(from), from + 120)] as const),
  ]
  return [...text.matchAll(/\ue000/gu)].flatMap(({ index }, count) => {
    const range = ranges.find(([from, to]) => index >= from && index < to)
    if (range === undefined) return []
    // "invited by Mo, ada@example.org": behind a comma it is the next thing.
    return /,/u.test(text.slice(range[0], index)) && !/\(/u.test(text.slice(range[0], index)) ? [] : [count]
  })
}

const ownAddresses = (text: string, emails: readonly FoundEmail[], whole: string, inviters: ReadonlySet<number>): readonly FoundEmail[] => {
  // The signs stand in the order of the text; the addresses too, but each once.
  const order = emails
    .map((email) => ({ email, at: whole.indexOf(email.written ?? email.address) }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ email }) => email)
  const signs = text.split(sign).length - 1
  if (signs !== order.length) return inviters.size === 0 ? order : []
  return order.filter((_, count) => !inviters.has(count))
}
