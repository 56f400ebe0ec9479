import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { playDay } from './day.ts'
import { arrivals } from './people.ts'
import type { Record } from './people.ts'

// node tests/day/main.ts [--people 30] [--find-out]: a day with thirty newcomers on a server with default limits. It takes about half an hour. The bot
// takes the limits for granted; with --find-out it tries once a day whether they hold, which is one refusal.

const { values } = parseArgs({ options: { people: { type: 'string' }, 'find-out': { type: 'boolean' } } })
const all = arrivals()
// Fewer people are taken evenly, so that every way of coming is there.
const wanted = Number(values.people ?? all.length)
const some = all.filter((_, index) => Math.floor((index * wanted) / all.length) !== Math.floor(((index - 1) * wanted) / all.length))
const dir = mkdtempSync(`${tmpdir()}/gatehouse-day-`)
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const result = await playDay(dir, say, some, values['find-out'] === true ? 'find-out' : 'default')

const seconds = (milliseconds: number): string => `${Math.round(milliseconds / 1000)} s`
const spread = (pick: (record: Record) => number | undefined): string => {
  const times = result.records.flatMap((record) => pick(record) ?? []).toSorted((one, other) => one - other)
  if (times.length === 0) return 'nobody'
  const at = (share: number): string => seconds(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0)
  return `${at(0)} at least, ${at(0.5)} in the middle, ${at(1)} at most (${times.length} people)`
}
const since = (from: number | undefined, to: number | undefined): number | undefined =>
  from === undefined || to === undefined ? undefined : to - from
const { optimum, requests, tookMs } = result
process.stdout.write(
  `${[
    `${result.records.length} newcomers`,
    `approval to readable welcome: ${spread(({ approvedAt, welcomeAt }) => since(approvedAt, welcomeAt))}`,
    `approval to the first room: ${spread(({ approvedAt, firstRoomAt }) => since(approvedAt, firstRoomAt))}`,
    `first approval to the last effect: ${seconds(tookMs)}; the server's limits allow ${seconds(optimum.ms)} (${optimum.limit}): ${(tookMs / Math.max(1, optimum.ms)).toFixed(2)} times that`,
    `${requests.events} events sent, ${requests.rooms} rooms made, ${requests.limited.length} refused for their rate${requests.limited.length === 0 ? '' : `: ${requests.limited.join(', ')}`}`,
    result.problems.length === 0
      ? 'Everybody is in their rooms and out of INDOC, with one account and one welcome.'
      : `PROBLEMS\n${result.problems.join('\n')}`,
  ].join('\n')}\n`,
)
if (result.problems.length > 0) {
  process.exitCode = 1
  say(`everything is in ${dir}`)
} else rmSync(dir, { recursive: true, force: true })
