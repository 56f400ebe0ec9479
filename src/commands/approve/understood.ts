import type { CommandRequest } from '../../chat/command.ts'
import type { Newcomer } from '../../onboarding/newcomers.ts'
import type { Guess } from '../../onboarding/introduction.ts'

/** What is known of somebody: by the options of the command, else by the introduction, else by the display name. */
export interface Understood {
  readonly name: string | undefined
  readonly email: string | undefined
  readonly organization: string | undefined
  readonly invitedBy: string | undefined
  readonly interests: readonly string[]
  readonly linkedin: string | undefined
  /** What is not certain, in words without personal data. */
  readonly doubts: readonly string[]
  /** What nobody has said. */
  readonly missing: readonly string[]
}

const optionOf: Readonly<Partial<Record<Guess['field'], string>>> = {
  name: 'name',
  email: 'email',
  organization: 'organization',
  invitedBy: 'invited-by',
  interests: 'interests',
}

const doubtWords = ({ field, code }: Guess, email: string | null): string => {
  if (code === 'ending')
    return `the e-mail address had no ending, and I completed it to ${email?.slice(email.lastIndexOf('@') + 1) ?? 'the usual one'}`
  if (code === 'several') return 'there are several e-mail addresses, and I take the first'
  return `the lines have no marks, so I took the ${fieldWords[field] ?? field} by its place`
}

const fieldWords: Readonly<Partial<Record<Guess['field'], string>>> = {
  organization: 'organization',
  invitedBy: 'inviter',
  email: 'e-mail address',
  interests: 'interests',
}

/** What was taken out of sentences is one doubt, not five. */
const doubtsOf = (guesses: readonly Guess[], email: string | null): readonly string[] => {
  const told = guesses.filter(({ code }) => code === 'sentence').map(({ field }) => fieldWords[field] ?? field)
  const others = guesses.filter(({ code }) => code !== 'sentence').map((guess) => doubtWords(guess, email))
  return [...(told.length === 0 ? [] : [`it is written in sentences, out of which I took: ${told.join(', ')}`]), ...others]
}

/** Puts together what an arrival needs to know. */
export const understand = (
  request: CommandRequest,
  newcomer: Pick<Newcomer, 'introduction'> | undefined,
  displayName: string | undefined,
): Understood => {
  const given = request.arguments
  const text = (name: string): string | undefined => given.text(name)?.trim() || undefined
  const introduction = newcomer?.introduction ?? undefined
  const name = text('name') ?? introduction?.name ?? undefined
  const email = text('email') ?? introduction?.email ?? undefined
  const interests = given.list('interests') ?? introduction?.interests ?? []
  const open = (introduction?.guesses ?? []).filter(({ field }) => {
    const option = optionOf[field]
    return option === undefined || (option === 'interests' ? given.list(option) : given.text(option)) === undefined
  })
  const fromProfile = name === undefined && introduction !== undefined ? displayName : undefined
  return {
    name: name ?? fromProfile,
    email,
    organization: text('organization') ?? introduction?.organization ?? undefined,
    invitedBy: text('invited-by') ?? introduction?.invitedBy ?? undefined,
    interests,
    linkedin: introduction?.linkedin ?? undefined,
    doubts: [
      ...(fromProfile === undefined ? [] : ['no name was given, so I took the display name']),
      ...doubtsOf(open, introduction?.email ?? null),
    ],
    missing: [...(email === undefined ? ['e-mail address'] : []), ...(interests.length === 0 ? ['interests'] : [])],
  }
}

/** What was understood, in words that may stand in INDOC: the person wrote it there. The e-mail address is only said to be there. */
export const understoodWords = (understood: Understood): string => {
  const { name, organization, invitedBy, email, interests, linkedin } = understood
  const parts = [
    `name ${name ?? 'not given'}`,
    `organization ${organization ?? 'none'}`,
    `invited by ${invitedBy ?? 'nobody named'}`,
    `e-mail address ${email === undefined ? 'missing' : 'given'}`,
    `interests ${interests.length === 0 ? 'none' : interests.join(', ')}`,
    ...(linkedin === undefined ? [] : ['LinkedIn given']),
  ]
  return `What I understood: ${parts.join('; ')}.`
}
