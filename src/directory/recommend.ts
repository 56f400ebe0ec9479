import type { RoomId } from '../types.ts'
import type { Catalogue } from './catalogue.ts'
import { fold, hasWords, words } from './fold.ts'
import { categoryName } from './listing.ts'
import type { ListedRoom } from './listing.ts'

/** A room for a person. */
export interface Recommendation {
  readonly room: ListedRoom
  readonly score: number
  /** The interests that led here, as the person wrote them: "because of: hiking". */
  readonly because: readonly string[]
}

/** Points (product.md, "Recommendation"). */
const points = { keyword: 15, category: 10, name: 5, topic: 2 } as const

/** Most rooms recommended at once. */
const most = 5

/**
 * Splits interests at commas (also Arabic and CJK ones), semicolons and line ends; doubles count once.
 * @example splitInterests('Hiking, AI , hiking') // ['Hiking', 'AI']
 */
export const splitInterests = (text: string): readonly string[] => {
  const seen = new Set<string>()
  return text
    .split(/[,;،、，\n]/)
    .map((part) => part.trim())
    .filter((part) => {
      const folded = fold(part)
      if (folded === '' || seen.has(folded)) return false
      seen.add(folded)
      return true
    })
}

type Words = readonly string[]

/** An interest with everything it stands for. */
interface Interest {
  readonly written: string
  readonly own: Words
  /** The interest and its synonyms. */
  readonly runs: readonly Words[]
}

/**
 * Whole words, never parts of them: "machine learning" has "learning", and the interest "hiking in winter" has "hiking". Only what the
 * person wrote is searched the second way: the synonym "machine learning" of "AI" does not lead to language learning.
 */
const meets = (interest: Interest, text: Words): boolean => inside(interest, text) || hasWords(interest.own, text)
/** Long texts must hold the interest; they are not expected to be held by it. */
const inside = (interest: Interest, text: Words): boolean => interest.runs.some((run) => hasWords(text, run))

/** Adds the synonyms: a group is one word and its list, and each of them stands for all of them. */
const expand = (written: string, groups: readonly (readonly Words[])[]): Interest => {
  const own = words(written)
  const more = groups.filter((group) => group.some((run) => hasWords(own, run)))
  return { written, own, runs: [own, ...more.flat()].filter((run) => run.length > 0) }
}

/**
 * Recommends rooms for interests. Reads nothing but its arguments.
 * Scores per room: 15 for each keyword (of the room or its category) that meets an interest, 10 for the category's name, 5 for the room's
 * name, 2 for its topic. Ties: more members first, then by name.
 *
 * @param interests as written; see `splitInterests`
 * @param listed the rooms that may be named to the person
 * @param inRooms rooms the person is in: left out
 */
export const recommend = (
  interests: readonly string[],
  listed: readonly ListedRoom[],
  catalogue: Pick<Catalogue, 'categories' | 'synonyms'>,
  inRooms: ReadonlySet<RoomId>,
): readonly Recommendation[] => {
  const groups = Object.entries(catalogue.synonyms).map(([word, others]) => [word, ...others].map((each) => words(each)))
  const wanted = interests.map((interest) => expand(interest, groups)).filter((interest) => interest.runs.length > 0)
  const found: Recommendation[] = []
  for (const room of listed) {
    if (room.roomId !== undefined && inRooms.has(room.roomId)) continue
    const { category } = room
    const known = category !== undefined && Object.hasOwn(catalogue.categories, category) ? catalogue.categories[category] : undefined
    const keywords = new Set([...room.keywords, ...(known?.keywords ?? [])].map((keyword) => words(keyword).join(' ')))
    const because = new Set<string>()
    const count = (matches: (interest: Interest) => boolean): boolean => {
      const hits = wanted.filter((interest) => matches(interest))
      for (const hit of hits) because.add(hit.written)
      return hits.length > 0
    }
    let score = [...keywords].filter((keyword) => count((interest) => meets(interest, keyword.split(' ')))).length * points.keyword
    if (category !== undefined) {
      const names = [words(category), words(categoryName(catalogue, category))]
      if (count((interest) => names.some((name) => meets(interest, name)))) score += points.category
    }
    if (count((interest) => meets(interest, words(room.name)))) score += points.name
    if (room.topic !== null) {
      const topic = words(room.topic)
      if (count((interest) => inside(interest, topic))) score += points.topic
    }
    if (score > 0) found.push({ room, score, because: interests.filter((interest) => because.has(interest)) })
  }
  return found
    .sort(
      (a, b) =>
        b.score - a.score || (b.room.joinedCount ?? 0) - (a.room.joinedCount ?? 0) || (fold(a.room.name) < fold(b.room.name) ? -1 : 1),
    )
    .slice(0, most)
}
