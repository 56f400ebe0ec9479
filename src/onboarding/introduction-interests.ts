import { isSkip, plainValue, withoutEnds } from './introduction-values.ts'

/** `and` that belongs to what it stands in. */
const pairs =
  /^(?:research|rock|arts?|food|law|health|hide|sword|dungeons|drum|supply|bed|trial|mergers|q|r|d|b|m|black|search|song|pros|wine|fish|science|track|sales|diversity|fact|war|crime|peace|religion|philosophy|r & d) (?:and|&|'n'|n) (?:development|roll|crafts?|drinks?|wine|order|safety|seek|sorcery|dragons|bass|demand|breakfast|error|acquisitions|a|d|b|white|rescue|dance|cons|food|beer|cheese|chips|technology|field|marketing|inclusion|fiction|peace|punishment|security|science|culture|politics|society)$/iu

const leadIn =
  /^(?:(?:but |and |also |mostly |mainly |primarily |especially |generally |currently |very |really |just |probably )*(?:i(?:['’]m| am) (?:also |mostly |mainly |really |very |)*(?:interested in|into|passionate about|curious about|keen on)|i (?:really |also |mostly |mainly )*(?:like|love|enjoy)|my (?:main )?(?:interests|hobbies)(?: are| include)?:?|interested in|passionate about)|(?:but also|and also|mostly|mainly|primarily|also))\s+(?=\S)/iu

/** `#ai #hiking`: hash signs separate as commas do; and a stop does where nothing else separates. */
const separated = (line: string): string => {
  const hashes = line.match(/(?:^|\s)#(?=\p{L})/gu)?.length ?? 0
  if (hashes >= 2) return line.replaceAll(/\s+#(?=\p{L})/gu, ', ')
  const bars = line.replaceAll(/\.{2,}\s*|…\s*/gu, ', ').replaceAll(/\s+[/]\s+|\s+[–—-]\s+(?=\p{L}.*\s[–—-]\s)/gu, ', ')
  if (/[,;|•·，、،؛；]/u.test(bars)) return bars
  const stops = bars.match(/[\p{L})]\.\s+\p{Lu}/gu)?.length ?? 0
  return stops >= 1 && bars.length < 200 ? bars.replaceAll(/(?<=[\p{L})])\.\s+(?=\p{Lu})/gu, ', ') : bars
}

const last = /^(\S.{0,60}?)\s+(?:and(?: also)?|&|und|et|y|и|та|і|e|og|och|en|as well as)\s+(\S.{0,60})$/iu

/** `a, b and c`: the last two are two. Where `and` stands in what is one thing, or in a long sentence, it separates nothing. */
const withoutAnd = (part: string): readonly string[] => {
  const found = last.exec(part)
  if (found === null || pairs.test(part) || /[()]/u.test(part)) return [part]
  const [, one = '', other = ''] = found
  const short = (text: string): boolean => text.split(/\s+/u).length <= 4
  // "the life and work of Ada" is one thing.
  return short(one) && short(other) && !/\s(?:of|for|between|in)\s/iu.test(part) && !/^(?:the|both)\s/iu.test(one)
    ? [one, ...withoutAnd(other)]
    : [part]
}

/** Interests: separated by commas, semicolons, bars or lines; commas inside brackets separate nothing. */
export const interestsIn = (lines: readonly string[]): readonly string[] => {
  const found = new Map<string, string>()
  for (const line of lines) {
    const whole = line
      .trim()
      .replace(/^\[([^[\]]*)\]$/u, '$1')
      .replace(/^(?:[a-h]|[1-9][0-9]?|[ivx]{1,4})[.)]\s+(?=\S)/iu, '')
      .replace(/^(?:my )?(?:likes|interests|hobbies|passions)\s?[:–-]\s*(?=\S)/iu, '')
    if (isSkip(withoutEnds(whole))) continue
    for (const part of split(separated(whole)).flatMap((one) => withoutAnd(one.trim().replace(leadIn, '')))) {
      const bare = part.replace(/^\s*(?:(?:and|&|und|et|y|и)\s+|[-*•·]\s*)/iu, '').replace(leadIn, '')
      // An address among the interests was meant for another line: it must not be seen by everybody.
      if (/@[\p{L}\p{N}]/u.test(bare) || /linkedin\.com\//iu.test(bare)) continue
      const interest = plainValue(bare.replace(/^\s*#(?=\S)/u, ''))
      if (interest === undefined || isRest.test(interest)) continue
      if (!found.has(interest.toLowerCase())) found.set(interest.toLowerCase(), interest)
    }
  }
  return [...found.values()].slice(0, 50)
}

const isRest = /^(?:etc|et cetera|and so on|and more|usw|и т\.?\s?д)\.*$/iu

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
