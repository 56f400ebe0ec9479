import { paragraph } from '../../chat/answer.ts'
import type { Answer, Inline } from '../../chat/answer.ts'
import type { ReadCommand } from '../../chat/command.ts'
import { durationWords } from '../../operations/durations.ts'
import type { JobView } from '../../jobs/job.ts'
import type { Timestamp, UserId } from '../../types.ts'
import { ago, pageFooter, pageOf } from '../words.ts'
import { jobsDeclaration } from './declaration.ts'
import { jobTitle } from './job-words.ts'

export interface JobsPorts {
  /** `Scheduler.list`: newest first. */
  readonly list: (states: readonly JobView['state'][], limit: number) => readonly JobView[]
  readonly nameOf: (userId: UserId) => string
}

/** Nobody pages through more. */
const most = 1000
/** Finished ones are only a reminder. */
const mostFinished = 50

/** A job that a command gave up bears who did so, with the event of the command; the others say why they ended. */
const endWords = (reason: string | null, nameOf: JobsPorts['nameOf']): string => {
  if (reason === null || reason === '') return 'given up'
  const by = /^given up by (@\S+) \(\S+\)$/.exec(reason)?.[1]
  return by === undefined ? `ended: ${reason}` : `given up by ${nameOf(by as UserId)}`
}

const stateWords = (job: JobView, { nameOf }: JobsPorts, now: Timestamp): string => {
  const why = job.lastError === null || job.lastError === '' ? '' : `: ${job.lastError}`
  switch (job.state) {
    case 'dead':
      return `❌ did not work${job.attempts > 1 ? ` in ${job.attempts} tries` : ''}${why}`
    case 'running':
      return 'running now'
    case 'waiting':
      return `waiting${why}; looks again ${job.runAt <= now ? 'at once' : `in ${durationWords(job.runAt - now)}`}`
    case 'done':
      return `✅ done${why}`
    case 'cancelled':
      return endWords(job.lastError, nameOf)
  }
}

const rowOf = (job: JobView, ports: JobsPorts, now: Timestamp): readonly Inline[] => [
  { bold: `#${job.jobId}` },
  ` ${jobTitle(job, ports.nameOf)} · ${stateWords(job, ports, now)} · since ${ago(job.createdAt, now)}`,
]

/** `!jobs`: the dead ones first (they need somebody), then the open ones, then what was finished lately. */
export const createJobsCommand = (ports: JobsPorts): ReadCommand => ({
  declaration: jobsDeclaration,
  answer: ({ arguments: given, now }): Answer => {
    const dead = ports.list(['dead'], most)
    const open = ports.list(['running', 'waiting'], most)
    const jobs = [...dead, ...open, ...ports.list(['done', 'cancelled'], mostFinished)]
    if (jobs.length === 0) return { blocks: [paragraph('There are no jobs.')], code: 'none' }
    const page = pageOf(jobs, given.number('page'))
    const help: readonly Inline[] =
      dead.length === 0
        ? []
        : [
            ' Try one again with ',
            { code: `!retry ${dead[0]?.jobId ?? ''}` },
            ' or give it up with ',
            { code: `!cancel ${dead[0]?.jobId ?? ''}` },
          ]
    return {
      blocks: [
        paragraph({ bold: `${dead.length} failed, ${open.length} open.` }, ...help),
        { list: page.rows.map((job) => rowOf(job, ports, now)) },
        ...pageFooter(page, '!jobs'),
      ],
      code: 'ok',
    }
  },
})
