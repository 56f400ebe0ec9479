import type { Selectable } from 'kysely'
import type { Database } from '../database/database.ts'
import type { NewcomerTable } from '../database/schema.ts'
import type { EventId, Timestamp, UserId } from '../types.ts'
import type { Introduction } from './introduction.ts'

/** Somebody who waits (or waited) in INDOC. */
export interface Newcomer {
  readonly userId: UserId
  readonly came: NewcomerTable['came']
  readonly state: NewcomerTable['state']
  readonly since: Timestamp
  readonly promptedAt: Timestamp | null
  /** Until when an introduction is awaited; null = no deadline. */
  readonly deadline: Timestamp | null
  readonly remindedAt: Timestamp | null
  readonly expiredAt: Timestamp | null
  readonly introduction: Introduction | null
  readonly introducedAt: Timestamp | null
  readonly trust: string | null
  readonly unreadableAt: Timestamp | null
  readonly inviterId: UserId | null
  readonly vouchTxn: string | null
  readonly vouched: 'yes' | 'no' | null
  readonly decidedBy: UserId | null
  readonly decidedAt: Timestamp | null
  readonly decidedPlan: number | null
  readonly reason: string | null
}

/** A message that is or may become part of an introduction. */
export interface IntroductionMessage {
  readonly eventId: EventId
  readonly body: string
  readonly trust: string
  readonly sentAt: Timestamp
}

/** How the journal notes a message that is part of an introduction. */
export const introductionNote = 'introduction'

/**
 * What a fresh stay begins with: nothing of an earlier one. But who was asked as the inviter, and what they said, belongs to the person: otherwise
 * leaving and coming back would be a way to have somebody else asked.
 */
const fresh = {
  prompted_at: null,
  deadline: null,
  reminded_at: null,
  expired_at: null,
  introduction: null,
  introduced_at: null,
  trust: null,
  unreadable_at: null,
  decided_by: null,
  decided_at: null,
  decided_plan: null,
  reason: null,
} as const satisfies Partial<NewcomerTable>

/** The people of INDOC who are to be let in, one row each. Every method joins the caller's transaction. */
export class Newcomers {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Somebody's stay; undefined = nothing is known of them. */
  of(userId: UserId): Newcomer | undefined {
    const row = this.#database.first(this.#database.query.selectFrom('newcomer').selectAll().where('user_id', '=', userId))
    return row === undefined ? undefined : view(row)
  }

  /** Everybody in that state, who came first first. */
  all(state: NewcomerTable['state'] = 'waiting'): readonly Newcomer[] {
    return this.#database
      .all(this.#database.query.selectFrom('newcomer').selectAll().where('state', '=', state).orderBy('since').orderBy('user_id'))
      .map(view)
  }

  /** The newcomers who named this person as their inviter, also those who have left since. */
  vouchedBy(inviterId: UserId): readonly Newcomer[] {
    return this.#database
      .all(this.#database.query.selectFrom('newcomer').selectAll().where('inviter_id', '=', inviterId).orderBy('since'))
      .map(view)
  }

  /** When the last prompt was posted; 0 = never. */
  lastPrompt(): Timestamp {
    return this.#database.first(this.#database.query.selectFrom('newcomer').select((eb) => eb.fn.max('prompted_at').as('at')))?.at ?? 0
  }

  /** Begins a stay. */
  begin(userId: UserId, came: NewcomerTable['came'], since: Timestamp, deadline: Timestamp | null): void {
    const values = { ...fresh, came, state: 'waiting', since, deadline } as const
    this.#database.run(
      this.#database.query
        .insertInto('newcomer')
        .values({ user_id: userId, ...values })
        .onConflict((conflict) => conflict.column('user_id').doUpdateSet(values)),
    )
    this.#forget(userId)
  }

  /** Changes what is known of a stay. */
  update(userId: UserId, values: Partial<Omit<NewcomerTable, 'user_id'>>): void {
    this.#database.run(this.#database.query.updateTable('newcomer').set(values).where('user_id', '=', userId))
  }

  /** Ends a stay: what the person wrote is not needed any more. */
  end(userId: UserId): void {
    this.update(userId, { ...fresh, state: 'left' })
    this.#forget(userId)
  }

  /** Forgets people who have left long ago. */
  sweep(before: Timestamp): number {
    return this.#database.run(this.#database.query.deleteFrom('newcomer').where('state', '=', 'left').where('since', '<', before)).changes
  }

  /** Keeps what was understood. */
  introduce(userId: UserId, introduction: Introduction, at: Timestamp, trust: string): void {
    this.update(userId, { introduction: JSON.stringify(introduction), introduced_at: at, trust, expired_at: null })
  }

  /** Messages of a person that are kept, in their order. */
  messages(userId: UserId): readonly IntroductionMessage[] {
    return this.#database
      .all(
        this.#database.query
          .selectFrom('introduction_message')
          .selectAll()
          .where('user_id', '=', userId)
          .orderBy('sent_at')
          .orderBy('event_id'),
      )
      .map(({ event_id: eventId, body, trust, sent_at: sentAt }) => ({ eventId, body, trust, sentAt }))
  }

  /** Keeps exactly these messages of a person. */
  keepMessages(userId: UserId, messages: readonly IntroductionMessage[]): void {
    this.#forget(userId)
    for (const { eventId, body, trust, sentAt } of messages) {
      this.#database.run(
        this.#database.query
          .insertInto('introduction_message')
          .values({ event_id: eventId, user_id: userId, body, trust, sent_at: sentAt }),
      )
    }
  }

  /** Is the plan that decided about the person still being carried out? */
  planState(planId: number): 'running' | 'done' | 'partly' {
    const plan = this.#database.first(this.#database.query.selectFrom('plan').select('state').where('plan_id', '=', planId))
    if (plan?.state === 'running') return 'running'
    const failed = this.#database.first(
      this.#database.query
        .selectFrom('effect')
        .select('step')
        .where('plan_id', '=', planId)
        .where('state', 'in', ['failed', 'unknown'])
        .limit(1),
    )
    return failed === undefined ? 'done' : 'partly'
  }

  #forget(userId: UserId): void {
    this.#database.run(this.#database.query.deleteFrom('introduction_message').where('user_id', '=', userId))
  }
}

const view = (row: Selectable<NewcomerTable>): Newcomer => ({
  userId: row.user_id,
  came: row.came,
  state: row.state,
  since: row.since,
  promptedAt: row.prompted_at,
  deadline: row.deadline,
  remindedAt: row.reminded_at,
  expiredAt: row.expired_at,
  introduction: row.introduction === null ? null : (JSON.parse(row.introduction) as Introduction),
  introducedAt: row.introduced_at,
  trust: row.trust,
  unreadableAt: row.unreadable_at,
  inviterId: row.inviter_id,
  vouchTxn: row.vouch_txn,
  vouched: row.vouched,
  decidedBy: row.decided_by,
  decidedAt: row.decided_at,
  decidedPlan: row.decided_plan,
  reason: row.reason,
})
