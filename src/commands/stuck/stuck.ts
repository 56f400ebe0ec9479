import { paragraph } from '../../chat/answer.ts'
import type { Answer, Block, Inline } from '../../chat/answer.ts'
import type { ReadCommand } from '../../chat/command.ts'
import type { Accounts } from '../../directory/accounts.ts'
import type { Directory } from '../../directory/directory.ts'
import type { Links } from '../../directory/links.ts'
import type { JobView } from '../../jobs/job.ts'
import type { PendingLink } from '../../onboarding/pending-links.ts'
import { welcomePayload } from '../../onboarding/welcome.ts'
import type { RoomId, Timestamp, UserId } from '../../types.ts'
import { ago, count, enumerate, pageFooter, pageOf } from '../words.ts'
import { stuckDeclaration } from './declaration.ts'

/** What `!stuck` may look at. */
export interface StuckPorts {
  /** `Scheduler.list`: newest first. */
  readonly jobs: (states: readonly JobView['state'][], limit: number) => readonly JobView[]
  readonly directory: Pick<Directory, 'membership' | 'roomsOf' | 'room'>
  readonly directRoomOf: (userId: UserId) => RoomId | undefined
  readonly accounts: Pick<Accounts, 'get'>
  readonly links: Pick<Links, 'ofAccount'>
  /** `PendingLinks.list` */
  readonly pending: () => readonly PendingLink[]
  /** Was the account ever signed in with, as Authentik says now? undefined = it did not answer. */
  readonly usedNow: (pk: number) => Promise<boolean | undefined>
  /** `readersOf`: undefined = the server did not tell. */
  readonly readers: (roomIds: readonly RoomId[]) => Promise<ReadonlyMap<RoomId, ReadonlySet<UserId>> | undefined>
  /** INDOC, the admin room and DMs. */
  readonly isOwnRoom: (roomId: RoomId) => boolean
  readonly isStaff: (userId: UserId) => boolean
  readonly nameOf: (userId: UserId) => string
}

/** Whose welcome is older has found another way, or never will (milliseconds). */
const recentMs = 30 * 24 * 3_600_000
/**
 * How long people have for each step before they count as stuck (milliseconds). The chat: as long as they stay in INDOC for it by default
 * (`graduation.grace`). The welcome and its link: who wants in reads it in the hour, and a link may live no longer than half of that. Rooms can wait.
 */
const grace = {
  none: 0,
  chat: 15 * 60_000,
  welcome: 15 * 60_000,
  read: 3_600_000,
  link: 3_600_000,
  code: 3_600_000,
  rooms: 24 * 3_600_000,
} as const
/** The second is that of people behind a bridge. */
const welcomeKinds: ReadonlySet<string> = new Set(['welcome', 'bridged-welcome'])
/** Nobody pages through more. */
const most = 2000
/** So many accounts without a Matrix user are named. */
const mostCodes = 10
/** Receipts are asked for these many direct chats at once. */
const mostChats = 100

/** Why somebody is not in yet, and what to do about it. `next` may name the row as `{row}`. */
interface Reason {
  readonly what: string
  readonly next: string
  /** Of this age it begins to count. */
  readonly graceMs: number
}

/** What the welcome is waiting for, or how it ended. */
const welcomeReason = (job: JobView, inChat: string | undefined): Reason | undefined => {
  const why = job.lastError === null || job.lastError === '' ? '' : `: ${job.lastError}`
  switch (job.state) {
    case 'dead':
      return { what: `the welcome failed${why}`, next: `!retry ${job.jobId}`, graceMs: grace.none }
    case 'waiting':
    case 'running':
      return inChat === 'invite'
        ? {
            what: 'has not joined the direct chat',
            next: 'tell them that an invitation of mine waits in their list of chats',
            graceMs: grace.chat,
          }
        : // What has failed already is worth a look at once, what only waits is not.
          {
            what: `the welcome is not out yet${why}`,
            next: `!retry ${job.jobId}`,
            graceMs: job.attempts > 0 ? grace.none : grace.welcome,
          }
    case 'cancelled':
      return {
        what: `the welcome was given up${job.lastError?.startsWith('given up by ') === true ? '' : why}`,
        next: '!welcome {row}',
        graceMs: grace.none,
      }
    case 'done':
      return undefined
  }
}

const latestWelcomes = ({ jobs }: StuckPorts, now: Timestamp): readonly JobView[] => {
  const latest = new Map<string, JobView>()
  for (const job of jobs(['waiting', 'running', 'dead', 'cancelled', 'done'], most)) {
    if (welcomeKinds.has(job.kind) && now - job.createdAt < recentMs && !latest.has(job.uniqueKey)) latest.set(job.uniqueKey, job)
  }
  // Who waits longest comes first.
  return [...latest.values()].sort((one, other) => one.createdAt - other.createdAt)
}

interface Row {
  readonly userId: UserId
  readonly since: Timestamp
  readonly reasons: readonly Reason[]
  /** Its link counts as unused by the mirror: to be looked up. */
  readonly unusedPk: number | undefined
}

/** `!stuck`: people who were welcomed (or were to be) and are not in yet, longest first. */
export const createStuckCommand = (ports: StuckPorts): ReadCommand => ({
  declaration: stuckDeclaration,
  answer: async ({ arguments: given, now, roomKind }): Promise<Answer> => {
    const welcomes = latestWelcomes(ports, now).filter(({ uniqueKey }) => !ports.isStaff(uniqueKey as UserId))
    const chats = welcomes.flatMap((job) => (job.state === 'done' ? (ports.directRoomOf(job.uniqueKey as UserId) ?? []) : []))
    const readers = await ports.readers(chats.slice(-mostChats))
    const seen: Seen = { discreet: roomKind === 'indoc', everybody: given.flag('all'), now }
    const rows = welcomes.flatMap((job) => rowOf(ports, job, readers, seen) ?? [])
    const page = pageOf(rows, given.number('page'))
    const shown = await Promise.all(page.rows.map((row) => looked(ports, row)))
    const open = shown.filter((row) => row.reasons.length > 0)
    const codes = codeBlocks(ports, seen)
    if (open.length === 0 && codes.length > 0) return { blocks: codes, code: 'ok' }
    if (open.length === 0)
      return {
        blocks: [
          paragraph(
            'Nobody is stuck: everybody whom I welcomed lately is in',
            ...(seen.everybody ? ['.'] : [', or has not had much time yet (', { code: '!stuck --all' }, ').']),
          ),
        ],
        code: 'none',
      }
    const unknown = readers === undefined ? [paragraph({ italic: 'The server did not tell who has read the welcome.' })] : []
    return {
      blocks: [
        paragraph({ bold: `${count(page.total - (shown.length - open.length), 'person', 'people')} not in yet.` }),
        { list: open.map((row, index) => lineOf(ports, row, index + 1, now)), start: 1 },
        ...codes,
        ...unknown,
        ...pageFooter(page, seen.everybody ? '!stuck --all' : '!stuck'),
      ],
      rows: open.map(({ userId }) => userId),
      code: 'ok',
    }
  },
})

/** People who have no Matrix user yet: they can be named by their account. */
const codeBlocks = ({ pending, links }: StuckPorts, { everybody, now }: Seen): readonly Block[] => {
  const waiting = pending().filter(
    ({ account, handedOver, since }) =>
      links.ofAccount(account.pk) === undefined && (everybody || now - since >= (handedOver ? grace.code : grace.none)),
  )
  if (waiting.length === 0) return []
  const line = ({ name, account, handedOver, since }: PendingLink): readonly Inline[] => [
    { bold: name },
    ` (${account.username}, ${ago(since, now)}): ${handedOver ? 'has not sent me the code yet' : 'was not given a code yet'}. Next: `,
    ...(handedOver
      ? ['ask them; ', { code: `!reset ${account.username}` }, ' makes a new code']
      : [{ code: `!reset ${account.username}` }]),
  ]
  const shown = waiting.slice(0, mostCodes).map(line)
  const more = waiting.length > mostCodes ? [paragraph(`and ${waiting.length - mostCodes} more`)] : []
  return [paragraph(`${count(waiting.length, 'account')} without a Matrix user:`), { list: shown }, ...more]
}

/** From when on the person has time: since the welcome went out, which may be long after it was asked for. */
const begunAt = ({ state, progress, createdAt }: JobView): Timestamp => {
  const { helloAt } = progress
  return state === 'done' && typeof helloAt === 'number' ? helloAt : createdAt
}

/** Where and how the list is seen. */
interface Seen {
  /** Room names are not for the place. */
  readonly discreet: boolean
  /** Also who was welcomed only just now. */
  readonly everybody: boolean
  readonly now: Timestamp
}

const rowOf = (
  ports: StuckPorts,
  job: JobView,
  readers: ReadonlyMap<RoomId, ReadonlySet<UserId>> | undefined,
  { discreet, everybody, now }: Seen,
): Row | undefined => {
  const { directory } = ports
  const userId = job.uniqueKey as UserId
  const payload = welcomePayload.parse(job.payload)
  const chat = ports.directRoomOf(userId)
  const reasons: Reason[] = []
  const delivery = welcomeReason(job, chat === undefined ? undefined : directory.membership(chat, userId))
  if (delivery !== undefined) reasons.push(delivery)
  const account = payload.account === undefined ? undefined : ports.accounts.get(payload.account.pk)
  const unused = job.state === 'done' && account?.active === true && !account.used
  const unread = job.state === 'done' && chat !== undefined && readers?.get(chat)?.has(userId) === false
  if (unread)
    reasons.push({
      what: 'has not read the welcome',
      next: 'ask them whether they see my chat; `!welcome {row}` sends it again',
      graceMs: grace.read,
    })
  if (unused) reasons.push({ what: 'has not used the link', next: '!reset {row}', graceMs: grace.link })
  const pending = directory.roomsOf(userId, ['invite']).filter(({ roomId }) => !ports.isOwnRoom(roomId))
  if (pending.length > 0) {
    const names = pending.slice(0, 3).map(({ roomId }) => directory.room(roomId)?.name ?? roomId)
    const rooms = discreet ? count(pending.length, 'invitation') : `${count(pending.length, 'invitation')} (${enumerate(names)})`
    reasons.push({ what: `has not accepted ${rooms}`, next: 'ask them to look for it under “Invites”', graceMs: grace.rooms })
  }
  const due = reasons.filter(({ graceMs }) => everybody || now - begunAt(job) >= graceMs)
  return due.length === 0 ? undefined : { userId, since: job.createdAt, reasons: due, unusedPk: unused ? account.pk : undefined }
}

/** The mirror may be a quarter of an hour behind: a link that was used meanwhile is no reason. */
const looked = async (ports: StuckPorts, row: Row): Promise<Row> => {
  if (row.unusedPk === undefined || (await ports.usedNow(row.unusedPk)) !== true) return row
  return { ...row, reasons: row.reasons.filter(({ what }) => what !== 'has not used the link') }
}

const lineOf = ({ nameOf }: StuckPorts, { userId, since, reasons }: Row, number: number, now: Timestamp): readonly Inline[] => {
  const [first] = reasons
  const next = first?.next.replace('{row}', String(number)) ?? ''
  return [
    { bold: nameOf(userId) },
    ` (${ago(since, now)}): ${reasons.map(({ what }) => what).join('; ')}. Next: `,
    ...(next.startsWith('!') ? [{ code: next }] : [next.replaceAll('`', '')]),
  ]
}
