import { passphraseWords } from './passphrase-words.ts'
import type { RandomInt } from './username.ts'

/** A generated passphrase. Hand `text` to the server and to the person only: it is never logged or stored. */
export interface Passphrase {
  readonly text: string
  /** Number of words. */
  readonly words: number
  /** Entropy in bits: the words are drawn evenly and independently. */
  readonly bits: number
}

/** What an attacker who knows this list has to try, at least. */
const leastBits = 60
const leastWords = 5

/** How many words of a list of this size are at least five and give at least 60 bits. */
export const wordsNeeded = (listSize: number): number => Math.max(leastWords, Math.ceil(leastBits / Math.log2(listSize)))

/**
 * Makes a passphrase of common words, joined by `-` (Authentik trims white space, and people mistake it).
 * @param random must be cryptographic: `randomInt` of node:crypto
 */
export const makePassphrase = (random: RandomInt): Passphrase => {
  const count = wordsNeeded(passphraseWords.length)
  const words = Array.from({ length: count }, () => {
    const word = passphraseWords[random(passphraseWords.length)]
    if (word === undefined) throw new RangeError('the random source gave a number outside its range')
    return word
  })
  return { text: words.join('-'), words: count, bits: count * Math.log2(passphraseWords.length) }
}
