import { findEmails } from './introduction-email.ts'
import type { FoundEmail } from './introduction-email.ts'
import { inviterValue, nameValue, organizationValue } from './introduction-values.ts'
import type { Field } from './introduction-words.ts'

/** Something that is not certain: a moderator looks at it before an account is made. */
export interface Guess {
  readonly field: Field
  /** `ending`: the ending of an e-mail address was completed · `several`: more than one was given · `place`: taken from where the line stands · `sentence`: taken out of a sentence. */
  readonly code: 'ending' | 'several' | 'place' | 'sentence'
}

/** What one way of reading a text found. */
export interface Parts {
  readonly name: string | undefined
  readonly organization: string | undefined
  readonly invitedBy: string | undefined
  readonly emails: readonly FoundEmail[]
  readonly interests: readonly string[]
  readonly guesses: readonly Guess[]
}

/** A label that means nothing to us: "Project name: Engine". */
export const strangeLabel = /^\p{L}[\p{L}\s/-]{1,30}:\s/u

/** Does the line hold an address and nothing else that matters? */
export const isOnlyEmail = (line: string): boolean => {
  const [email, ...others] = findEmails(line)
  if (email === undefined) return false
  const bare = line.replace(/^\p{L}[\p{L} ]{1,20}:\s+/u, '')
  const rest = [email, ...others].reduce((text, { address, written }) => text.replace(written ?? address, ''), bare)
  return rest.replaceAll(kindsOfAddress, '').replaceAll(/[\p{P}\p{S}\s]/gu, '') === ''
}

/** What people write beside their addresses. */
const kindsOfAddress =
  /mailto:|(?<!\p{L})(?:or|and|alias|e-?mails?|primary|secondary|main|backup|second|work|business|office|private|personal|home|uni|school|university|preferred|better|other|alternatively|oder|und|arbeit|privat|и|или)(?!\p{L})/giu

/** `ada at example dot org`: an address that is not read, because it does not stand there; but that is what the line is for. */
export const isSpelledEmail = (line: string): boolean =>
  /^[\p{L}\p{N}._+-]{1,40}\s*[([{]?\s?(?:at|@)\s?[)\]}]?\s*[\p{L}\p{N}-]{1,40}(?:\s*[([{]?\s?(?:dot|\.)\s?[)\]}]?\s*[\p{L}\p{N}-]{2,20}){1,3}$/iu.test(
    line,
  )

/** Is the line a telephone number? */
export const isPhone = (line: string): boolean => /^[+(]?[0-9][0-9\s().-]{6,}$/u.test(line)

/** Taken from where the line stands. */
export const place = (field: Field): Guess => ({ field, code: 'place' })

/** Name, organization and inviter from lines that stand in the order of the prompt and say nothing else. */
export const byPlace = (lines: readonly string[]): Pick<Parts, 'name' | 'organization' | 'invitedBy' | 'guesses'> => {
  const [name, organization, invitedBy] = lines
  const guesses =
    lines.length === 3
      ? []
      : lines.length === 2
        ? [place('organization')]
        : lines.length > 3
          ? [place('organization'), place('invitedBy')]
          : []
  return {
    name: name === undefined ? undefined : nameValue(name),
    organization: organization === undefined ? undefined : organizationValue(organization),
    invitedBy: invitedBy === undefined ? undefined : inviterValue(invitedBy),
    guesses,
  }
}
