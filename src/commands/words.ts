import type { Answer, Block, Inline } from '../chat/answer.ts'
import { paragraph } from '../chat/answer.ts'
import { durationWords } from '../operations/durations.ts'
import type { Freshness } from '../directory/lookup.ts'
import type { Timestamp } from '../types.ts'

/** `"just now"`, `"3 h ago"`. A moment that lies ahead (a clock that was set) counts as now. */
export const ago = (at: Timestamp, now: Timestamp): string => (now - at < 2000 ? 'just now' : `${durationWords(now - at)} ago`)

/** How old what the directory says is: `"as of 3 h ago"`, or that it was never read. */
export const freshnessWords = ({ asOf, dirty }: Freshness, now: Timestamp): string => {
  if (asOf === null) return 'not read yet'
  return `as of ${ago(asOf, now)}${dirty ? ', being read again' : ''}`
}

/** `1 room`, `2 rooms`. */
export const count = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`

/** `A, B and C` */
export const enumerate = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1) ?? ''}`

/** A refusal or a sad end in one line. */
export const refusal = (code: string, ...words: readonly Inline[]): Answer => ({ mark: '❌', blocks: [paragraph(...words)], code })

/** Rows on one page. */
export const pageSize = 10

/** One page of a long list. */
export interface Page<T> {
  readonly rows: readonly T[]
  /** From 1. */
  readonly page: number
  readonly pages: number
  readonly total: number
}

/**
 * Cuts a page out of a list.
 * @param page from 1; beyond the end it is the last one
 */
export const pageOf = <T>(rows: readonly T[], page = 1): Page<T> => {
  const pages = Math.max(1, Math.ceil(rows.length / pageSize))
  const current = Math.min(Math.max(1, page), pages)
  return { rows: rows.slice((current - 1) * pageSize, current * pageSize), page: current, pages, total: rows.length }
}

/**
 * The line under a page: where one is and how to go on. Nothing under a list that has only one.
 * @param command as it was given, without `--page`
 */
export const pageFooter = ({ page, pages }: Page<unknown>, command: string): readonly Block[] => {
  if (pages === 1) return []
  const next = page < pages ? [' Next: ', { code: `${command} --page ${page + 1}` }] : []
  return [paragraph(`Page ${page} of ${pages}.`, ...next)]
}

/** Names of people for a summary, the long tail counted. */
export const peopleWords = (names: readonly string[]): string =>
  names.length <= 5 ? enumerate(names) : `${names.slice(0, 4).join(', ')} and ${names.length - 4} more`
