/** What a line of an introduction can be about. `other` = a label that is none of our business, such as a birthday. */
export type Field = 'name' | 'organization' | 'invitedBy' | 'email' | 'interests' | 'linkedin' | 'signal' | 'phone' | 'other'

/** A line with a label. */
export interface Labelled {
  readonly field: Field
  readonly value: string
  /** The label is a part of a sentence ("I am Ada"): less certain than one that stands alone. */
  readonly soft: boolean
  /** It is the second half of a name. */
  readonly familyName?: boolean
}

/** The fields in the order of the prompt: number 1 is the name. */
export const numbered: readonly Field[] = ['name', 'organization', 'invitedBy', 'email', 'interests', 'linkedin']

/** If the words of a label belong to several fields ("name of your company"), the first of these counts. */
const precedence: readonly Field[] = ['invitedBy', 'linkedin', 'signal', 'email', 'phone', 'interests', 'organization', 'name', 'other']

const keywords: Readonly<Record<Field, string>> = {
  invitedBy:
    'invited inviter invite invites invitation referred referrer referral vouch vouched voucher vouches sponsor introduced recommended ' +
    'eingeladen einlader empfohlen invitado invitada invito parrain convidado convidada пригласил пригласила пригласили приглашен рекомендовал запросил הזמין المدعو دعاك دعاني',
  linkedin: 'linkedin linked',
  signal: 'signal',
  email: 'email emails mail emailadresse mailadresse correo courriel mel alias почта имейл мейл емейл מייל אימייל דואל البريد بريد',
  phone: 'phone telephone tel mobile cell telefon handy telefono telefone portable телефон whatsapp טלפון هاتف الهاتف',
  interests:
    'interest interests interested interesting likes loves hobby hobbies topics topic skills expertise passions interesse interessen interet interesses intereses ' +
    'interets hobbys themen интересы увлечения хобби תחומי עניין اهتمامات الاهتمامات',
  organization:
    'org organization organisation organizacion organizacao organizzazione company employer affiliation institution institute university ' +
    'workplace work team firma arbeitgeber verein empresa entreprise societe azienda организация компания работа ארגון חברה منظمة المنظمة الشركة',
  name: 'name names named nickname surname lastname firstname fullname vorname nachname nombre nom prenom nome имя фио фамилия apellido apellidos שם الاسم اسم اسمي',
  other:
    'location city country pronouns bio about birthday age timezone language languages github gitlab website homepage twitter mastodon matrix telegram role title job ' +
    'position profession occupation expectations motivation why reason experience comment comments note notes mxid discord instagram facebook',
}

const fillers = new Set(
  (
    'my your the a an of if any or and it is are was were you me i who whom what how do does did please optional here full real first last middle preferred ' +
    'given family display legal required address adress adresse profile url link handle username user number no nr id account separated by commas comma list with for to in on at from ' +
    'like person people this their his her s us best contact where which would prefer main some areas area field fields research current ' +
    'deine dein ihre ihr von wer hat dich der die das und oder por quien quem et te ti tu su par qui a vous ton votre d de la le les el en centres кто вас тебя меня ваше ваша мое мои моя ваши ' +
    'e el эл электронная адрес profil профиль'
  ).split(' '),
)

const fieldOfWord = new Map<string, Field>(
  precedence.flatMap((field) => keywords[field].split(' ').map((word) => [foldWord(word), field] as const)),
)

function foldWord(word: string): string {
  return word
    .normalize('NFD')
    .replaceAll(/\p{Mn}/gu, '')
    .toLowerCase()
}

/** The field that a label means; undefined = it is no label. */
export const fieldOf = (label: string): Field | undefined => {
  const plain = foldWord(label.replaceAll(/\([^()]*\)|\[[^[\]]*\]/gu, ' ').replaceAll(/(?<=\p{L})["״](?=\p{L})/gu, '')).replaceAll(
    /\be[\s-]?mail/gu,
    'email',
  )
  const words = plain.split(/[^\p{L}\p{N}]+/u).filter((word) => word !== '')
  if (words.length === 0 || words.length > 12) return undefined
  const fields = words.map((word) => fieldOfWord.get(word))
  // A word that is neither may make it something else: "Project name".
  if (words.some((word, index) => fields[index] === undefined && !fillers.has(word))) return undefined
  return precedence.find((field) => fields.includes(field))
}

/** `Last name`, and the same in other languages. */
const familyLabel = /^(?:my |your )?(?:last ?name|surname|family ?name|nachname|familienname|apellidos?|nom(?: de famille)?|фамилия)$/iu

const separator = /[:：=?？]+|\s[-–—]+(?=\s|$)|[-=]>|→/gu

/** Sentences that say what a line is about. */
const sentences: readonly (readonly [Field, RegExp])[] = [
  ['interests', /^(?:i(?:'|’)?m |i am |am |mainly |mostly )*interested in[\s:]+(.+)$/iu],
  ['interests', /^(?:ich interessiere mich für|me interesa|je m['’]intéresse à|интересуюсь|меня интересует|меня интересуют)\s+(.+)$/iu],
  ['invitedBy', /^(?:i (?:was|am|got) )?(?:invited|referred|vouched for|recommended|introduced) (?:here )?by[\s:]+(.+)$/iu],
  ['invitedBy', /^(?:eingeladen (?:von|durch)|invité(?:e)? par|invitad[oa] por|меня пригласил(?:а|и)?|пригласил(?:а|и)?)\s+(.+)$/iu],
  ['organization', /^(?:i work (?:at|for|with)|i(?:'|’)?m (?:at|from|with)|working (?:at|for)|ich arbeite bei|работаю в)\s+(.+)$/iu],
  ['email', /^(?:my )?e-?mail(?: address)?(?: is)?\s+(\S+@\S+)$/iu],
  ['phone', /^(?:my )?(?:phone|mobile|tel)(?: number)?(?: is)?\.?\s+(\+?[0-9][0-9\s().-]{5,})$/iu],
]

const greeting =
  /^(?:hi|hello|hey|hallo|hola|salut|bonjour|привет|здравствуйте|good (?:morning|evening|day))(?:\s+(?:all|everyone|everybody|there|folks|team))?[\s,.!👋🙂😊]*/iu
const ownName =
  /^(?:my (?:full )?name is|my name(?:'|’)s|my name|i am|i(?:'|’)m|this is|name is|ich bin|ich hei(?:ß|ss)e|mein name ist|je m['’]appelle|je suis|me llamo|soy|меня зовут|name)\s+(.+)$/iu

/** "I am Ada, a mathematician" → Ada. Names begin with a capital, where the script has any. */
const nameIn = (text: string): string | undefined => {
  const found = ownName.exec(text.replace(greeting, ''))?.[1]
  const name = found?.split(/[,.;!:(]|\s(?:and|from|at|und|aus|von der|et|y|из)\s/iu, 1)[0]?.trim()
  return name !== undefined && /^[\p{Lu}\p{Lo}\p{Lt}]/u.test(name) ? name : undefined
}

/** Reads the label of a line. */
export const labelled = (line: string): Labelled | undefined => {
  let tries = 0
  for (const match of line.matchAll(separator)) {
    if (match.index > 80 || tries >= 3) break
    tries += 1
    if (/\([^)]*$/u.test(line.slice(0, match.index))) continue
    const field = fieldOf(line.slice(0, match.index))
    if (field === undefined) continue
    // "Who invited you?: Mo"
    const value = line
      .slice(match.index + match[0].length)
      .replace(/^[\s:：=?–—-]+(?=\S)/u, '')
      .trim()
    return { field, value, soft: false, ...(familyLabel.test(line.slice(0, match.index).trim()) ? { familyName: true } : {}) }
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
