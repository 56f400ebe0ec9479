import type { Undecryptable } from './port.ts'

/** A panic comes back as an error like any other, with its own words when they are fixed ones: those of Rust's standard library. */
const panics =
  /^(?:Panic in async function$|called `(?:Option|Result)::|assertion failed: |internal error: entered unreachable code|explicit panic$|not (?:yet )?implemented|attempt to |The `OlmMachine` has been closed)/

/** Are these the words of a panic in the library? */
export const isPanic = (words: string): boolean => panics.test(words)

const missing = /^Can't find the room key to decrypt the event, withheld code: (?:None|Some\("([^"]*)"\))$/

/** The library's errors are words alone. Those of the version that was tested; others are failures without a known cause. */
export const failureOfWords = (words: string): Pick<Undecryptable, 'code' | 'withheld'> => {
  const found = missing.exec(words)
  if (found !== null)
    return found[1] === undefined ? { code: 'missing-key', withheld: undefined } : { code: 'withheld', withheld: found[1] }
  if (words.startsWith('The message was encrypted using an unknown message index,')) return { code: 'missing-key', withheld: undefined }
  if (words.startsWith('decryption failed because of mismatched identity keys ')) return { code: 'forged', withheld: undefined }
  if (words.startsWith('decryption failed because trust requirement not satisfied: ')) return { code: 'forged', withheld: undefined }
  return { code: 'other', withheld: undefined }
}
