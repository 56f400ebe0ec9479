import { z } from 'zod'
import type { Database } from '../database/database.ts'
import type { Timestamp, UserId } from '../types.ts'
import type { SentLately } from './sending-budget.ts'

/** The slowest of the server's buckets that matter, the invitations of one person, is full again after this time (milliseconds). */
const windowMs = 30 * 60_000
/** Plans are numbered in order: no more than these can have been carried out in the window. */
const plansLookedAt = 500
/** Jobs that write messages of their own, which are not in the outbox because they may hold a secret: hello and welcome. */
const writingJobs = ['welcome', 'bridged-welcome', 'credentials']
const messagesOfJob = 2

const planned = z.object({ effect: z.object({ userId: z.string().startsWith('@') }) })

/**
 * What the bot has sent in the last half hour, as its own rows tell: messages, memberships changed by plans and jobs, direct rooms. What has no
 * row (a secret handed over, a redaction) is not in it: it is a good guess, not an account.
 * @returns `'unknown'` when this data directory has no past: nothing was ever read from the server with it
 */
export const sentLately = (database: Database, now: Timestamp): SentLately | 'unknown' => {
  if (database.meta('since') === undefined) return 'unknown'
  const since = now - windowMs
  const { query } = database
  const messages = database.all(
    query.selectFrom('outbox').select('updated_at as at').where('state', '=', 'sent').where('updated_at', '>=', since),
  )
  const newest = database.first(query.selectFrom('plan').select((eb) => eb.fn.max('plan_id').as('plan_id')))?.plan_id ?? 0
  const effects = database
    .all(
      query
        .selectFrom('effect')
        .select(['kind', 'planned', 'intended_at', 'finished_at'])
        .where('plan_id', '>', newest - plansLookedAt)
        .where('kind', 'in', ['room.invite', 'room.kick', 'room.ban'])
        // One that was on its way when the program ended may have reached the server.
        .where('state', 'in', ['done', 'unknown', 'intended']),
    )
    .map((row) => ({ ...row, at: row.finished_at ?? row.intended_at ?? 0 }))
    .filter(({ at }) => at >= since)
  const jobs = database.all(
    query
      .selectFrom('job')
      .select(['kind', 'unique_key', 'updated_at as at'])
      .where('kind', 'in', [...writingJobs, 'invite', 'graduation'])
      .where('state', '=', 'done')
      .where('updated_at', '>=', since),
  )
  const rooms = database.all(
    query.selectFrom('direct_room').select(['user_id', 'created_at as at']).where('origin', '=', 'made').where('created_at', '>=', since),
  )
  const invitedByPlans = effects.flatMap(({ kind, planned: raw, at }) => {
    const found = kind === 'room.invite' ? planned.safeParse(JSON.parse(raw)).data : undefined
    return found === undefined ? [] : [{ userId: found.effect.userId as UserId, at }]
  })
  // The key of such a job is room and person.
  const invitedByJobs = jobs
    .filter(({ kind }) => kind === 'invite')
    .map(({ unique_key: key, at }) => ({ userId: key.slice(key.indexOf(' ') + 1) as UserId, at }))
  const times = (rows: readonly { readonly at: Timestamp }[]): readonly Timestamp[] => rows.map(({ at }) => at)
  return {
    events: [
      ...times(messages),
      ...times(effects),
      ...jobs.flatMap(({ kind, at }) => Array.from({ length: writingJobs.includes(kind) ? messagesOfJob : 1 }, () => at)),
      ...times(rooms),
    ],
    rooms: times(rooms),
    // Who is offered a direct chat is invited to it.
    invitations: [...invitedByPlans, ...invitedByJobs, ...rooms.map(({ user_id: userId, at }) => ({ userId, at }))],
  }
}
