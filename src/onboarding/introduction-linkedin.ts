import { isSkip, plainValue } from './introduction-values.ts'

/** Pages that are nobody's profile. */
const noProfile =
  /linkedin\.com\/(?:search|feed|jobs|posts|messaging|mynetwork|notifications|login|signup|home|learning|pulse|groups|events)(?![\p{L}\p{N}])/iu
const address = /(?:https?:\/\/)?(?:[a-z]{1,3}\.)?linkedin\.com\/[^\s?#<>()[\]"'，,;]+/giu

/** The addresses at LinkedIn that a text holds, without their queries. */
const addressesIn = (text: string): readonly string[] =>
  [...text.matchAll(address)]
    .map(([found]) => found.replace(/[.!:]+$/u, ''))
    .filter((found) => !noProfile.test(found))
    .map((found) => (/^https?:/iu.test(found) ? found : `https://${found}`))

/** The address of a LinkedIn profile without its query; of a company only if nothing else is there. */
export const linkedinIn = (text: string): string | undefined => {
  const found = addressesIn(text)
  return found.find((one) => !/linkedin\.com\/(?:company|school|showcase)\//iu.test(one)) ?? found[0]
}

/**
 * What was answered to the question about LinkedIn, else the profile that stands somewhere in the text.
 * @param answer the line that is about it; '' if there is none
 */
export const linkedinOf = (answer: string, text: string): string | undefined => {
  const own = addressesIn(answer)[0]
  if (own !== undefined) return own
  const handle = /^\/?(in\/[\p{L}\p{N}%_-]+\/?)$/iu.exec(answer.trim())?.[1]
  if (handle !== undefined) return `https://www.linkedin.com/${handle}`
  const elsewhere = addressesIn(text).find((one) => !/linkedin\.com\/(?:company|school|showcase)\//iu.test(one))
  if (elsewhere !== undefined) return elsewhere
  if (isSkip(answer.trim()) || noProfile.test(answer) || answer.length > 120) return undefined
  return plainValue(answer.replace(/^\s*@(?=[\p{L}\p{N}_-]+\s*$)/u, ''))
}
