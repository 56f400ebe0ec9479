import { bullets, paragraph } from '../../chat/answer.ts'
import type { Answer, Inline } from '../../chat/answer.ts'
import type { ReadCommand } from '../../chat/command.ts'
import { durationWords } from '../../operations/durations.ts'
import type { JobView } from '../../jobs/job.ts'
import type { Timestamp, UserId } from '../../types.ts'
import { ago, count, freshnessWords } from '../words.ts'
import { statusDeclaration } from './declaration.ts'

/** How the bot is, as plain data. */
export interface Status {
  readonly name: string
  readonly version: string
  readonly commit: string
  readonly startedAt: Timestamp
  /** Build of the encryption library. */
  readonly engine: string
  readonly deviceId: string
  /** The state of the bot's own identity, in words: `created`, `loaded`… */
  readonly identity: string
  /** People whose new identity waits for an admin. */
  readonly changedIdentities?: readonly UserId[]
  /** The key backup, in words; not ok = keys are not backed up at the moment. */
  readonly backup: { readonly ok: boolean; readonly words: string }
  readonly sync: { readonly lastAt: Timestamp | undefined; /** Why it fails now. */ readonly failing: string | undefined }
  readonly authentik: {
    /** Why it cannot be used now. */
    readonly failing: string | undefined
    readonly accounts: number
    readonly mirroredAt: Timestamp | undefined
  }
  readonly jobs: ReadonlyMap<JobView['state'], number>
  readonly directory: {
    readonly syncedAt: Timestamp | null
    readonly rooms: number
    /** Lists that have to be read again. */ readonly dirty: number
  }
  /** What the housekeeping did last, in words; undefined = nothing yet. */
  readonly housekeeping?: string | undefined
  /** Messages that wait for their key. */
  readonly undecrypted: number
  readonly server: { readonly profile: 'stranger' | 'own-server'; readonly admin: boolean; readonly exempt: boolean }
  /** What else is wrong, in words: rooms that the bot is not in… */
  readonly problems: readonly string[]
}

export interface StatusPorts {
  readonly status: () => Status | Promise<Status>
}

/** A first sync has been done, and none has failed since. */
const inStep = ({ sync }: Status): boolean => sync.failing === undefined && sync.lastAt !== undefined

const matrixWords = ({ sync }: Status, now: Timestamp): string => {
  const last = sync.lastAt === undefined ? 'no sync was finished yet' : `last sync ${ago(sync.lastAt, now)}`
  return sync.failing === undefined ? `Matrix: ${last}.` : `Matrix: ❌ ${sync.failing}; ${last}.`
}

const authentikWords = ({ authentik }: Status, now: Timestamp): string => {
  const mirror =
    authentik.mirroredAt === undefined
      ? 'its accounts were not read yet'
      : `${count(authentik.accounts, 'account')}, read ${ago(authentik.mirroredAt, now)}`
  return authentik.failing === undefined ? `Authentik: ${mirror}.` : `Authentik: ❌ ${authentik.failing}; ${mirror}.`
}

const jobWords = ({ jobs }: Status): readonly Inline[] => {
  const of = (state: JobView['state']): number => jobs.get(state) ?? 0
  const dead = of('dead')
  const open = `Jobs: ${of('running')} running, ${of('waiting')} waiting`
  return dead === 0 ? [`${open}, none dead.`] : [`${open}, ❌ ${dead} dead: see `, { code: '!jobs' }, '.']
}

const directoryWords = ({ directory }: Status, now: Timestamp): string => {
  const age = freshnessWords({ asOf: directory.syncedAt, dirty: false }, now)
  const dirty = directory.dirty === 0 ? '' : `; ${count(directory.dirty, 'member list')} being read again`
  return `Directory: ${count(directory.rooms, 'room')}, ${age}${dirty}.`
}

const serverWords = ({ server }: Status): string => {
  if (server.profile === 'stranger') return 'Rights: an ordinary user on this server, with its rate limits.'
  const admin = server.admin ? 'admin of this server' : '❌ not an admin, though the profile is own-server'
  return `Rights: ${admin}, ${server.exempt ? 'exempt from rate limits' : 'rate limits hold'}.`
}

const details = (status: Status, now: Timestamp): readonly (readonly Inline[])[] => [
  [authentikWords(status, now)],
  jobWords(status),
  [directoryWords(status, now)],
  ...(status.housekeeping === undefined ? [] : [[`Housekeeping: ${status.housekeeping}.`]]),
  [`Encryption: device ${status.deviceId}, identity ${status.identity}, engine ${status.engine}.`],
  [`${status.backup.ok ? '' : '❌ '}${status.backup.words}.`],
  ...(status.changedIdentities ?? []).map((userId) => [
    '❌ ',
    { user: userId },
    ' has another identity than before: ',
    { code: `!trust ${userId}` },
  ]),
  [serverWords(status)],
  ...(status.undecrypted === 0 ? [] : [[`${count(status.undecrypted, 'message waits', 'messages wait')} for a key.`]]),
  ...status.problems.map((problem) => [`❌ ${problem}`]),
]

/** `!status`: everybody learns whether the bot is well, moderators what is wrong. No request is made. */
export const createStatusCommand = (ports: StatusPorts): ReadCommand => ({
  declaration: statusDeclaration,
  answer: async ({ asker, now }): Promise<Answer> => {
    const status = await ports.status()
    const wrong = !inStep(status) || status.authentik.failing !== undefined || status.problems.length > 0
    const commit = status.commit === 'unknown' ? '' : ` (${status.commit})`
    const health = wrong ? 'Something is wrong' : 'I am well'
    return {
      mark: wrong ? '⚠️' : '✅',
      blocks: [
        paragraph(
          { bold: health },
          `: ${status.name} ${status.version}${commit}, up for ${durationWords(Math.max(0, now - status.startedAt))}.`,
        ),
        bullets([matrixWords(status, now)], ...(asker.role === 'everyone' ? [] : details(status, now))),
      ],
      code: wrong ? 'degraded' : 'ok',
    }
  },
})
