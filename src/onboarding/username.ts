import anyAscii from 'any-ascii'
import { usernameWords } from './username-words.ts'

/** A uniform random integer from 0 to `below - 1`. Give it `randomInt` of node:crypto. */
export type RandomInt = (below: number) => number

/** What asking for a username came to: whether it is taken, or why that could not be asked. */
export type UsernameCheck<Problem> = { readonly ok: true; readonly taken: boolean } | { readonly ok: false; readonly problem: Problem }

/** What the search for a free username came to. */
export type UsernameResult<Problem> =
  | { readonly ok: true; readonly username: string }
  | { readonly ok: false; readonly code: 'none-free'; readonly tries: number }
  | { readonly ok: false; readonly code: 'unchecked'; readonly problem: Problem }

/** So that the whole stays readable and far below Authentik's 150 signs. */
const longestName = 20
const attempts = 10

/**
 * A first name in `[a-z0-9-]`: accents are dropped, other scripts transliterated, emoji and quotes left out.
 * @returns `friend` when nothing of the name is left
 * @example foldName('Zoë') === 'zoe'; foldName("D'Arcy") === 'darcy'; foldName('Юлия') === 'yuliya'
 */
export const foldName = (firstName: string): string => {
  // Emoji would be spelled out (":grinning:"), and the marks that join or colour them would leave traces.
  const letters = firstName
    .normalize('NFC')
    .replaceAll(/\p{Extended_Pictographic}|\p{Regional_Indicator}|\p{Emoji_Modifier}|\u200d|\ufe0f/gu, '')
  const ascii = anyAscii(letters)
    .toLowerCase()
    .replaceAll(/['`"]/g, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
  const name = ascii.replace(/^-+/, '').slice(0, longestName).replace(/-+$/, '')
  return name === '' ? 'friend' : name
}

/**
 * A username from a first name: the folded name, a short word and two digits.
 * @example makeUsername('Ada', randomInt) // 'ada-maple42'
 */
export const makeUsername = (firstName: string, random: RandomInt): string => {
  const word = usernameWords[random(usernameWords.length)] ?? 'maple'
  return `${foldName(firstName)}-${word}${10 + random(90)}`
}

/**
 * Looks for a username that nobody has: up to ten tries.
 * @param taken asks Authentik; letter case must not count there
 */
export const findUsername = async <Problem>(
  firstName: string,
  taken: (username: string) => Promise<UsernameCheck<Problem>>,
  random: RandomInt,
): Promise<UsernameResult<Problem>> => {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const username = makeUsername(firstName, random)
    const check = await taken(username)
    if (!check.ok) return { ok: false, code: 'unchecked', problem: check.problem }
    if (!check.taken) return { ok: true, username }
  }
  return { ok: false, code: 'none-free', tries: attempts }
}
