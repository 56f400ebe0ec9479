import type { Database } from '../database/database.ts'
import type { EffectTable } from '../database/schema.ts'
import type { EventId, RoomId, Timestamp, UserId } from '../types.ts'
import type { Outcome, Plan, PlannedStep } from './effects.ts'

/** A plan on disk. */
export interface StoredPlan {
  readonly planId: number
  readonly eventId: EventId
  readonly command: string
  readonly asker: UserId
  readonly roomId: RoomId
  /** The event that gets the final answer. */
  readonly answerTo: EventId
  readonly state: 'confirming' | 'running' | 'done' | 'expired' | 'cancelled'
  readonly plan: Plan
  readonly createdAt: Timestamp
}

/** A step and how far it is. */
export interface StoredStep {
  readonly step: number
  readonly planned: PlannedStep
  readonly state: EffectTable['state']
  readonly outcome: Outcome | undefined
}

/** What answering a confirmation gave. */
export type Confirmation =
  | { readonly ok: true; readonly planId: number }
  | { readonly ok: false; readonly code: 'unknown' | 'expired' | 'not-yours' | 'used' }

type Details = Omit<Plan, 'steps' | 'summary'>

/** Letters and digits that are not mistaken for one another on a phone. */
const alphabet = 'abcdefghkmnpqrstuvwxyz23456789'
const codeLength = 5

/**
 * A new code for `!confirm`.
 * @param random uniform whole number in [0, below), from a cryptographic generator
 */
export const newCode = (random: (below: number) => number): string =>
  Array.from({ length: codeLength }, () => alphabet[random(alphabet.length)]).join('')

/** Could this text be a code? */
export const looksLikeCode = (text: string): boolean => /^[a-z2-9]{5}$/.test(text.trim().toLowerCase())

/**
 * Plans, their steps and their confirmations. The intent of a step is written before it is carried out and its outcome after, so a restart
 * knows what is certain, what is open and what has to be looked up.
 */
export class PlanStore {
  readonly #database: Database
  readonly #random: (below: number) => number

  /** @param random uniform whole number in [0, below), from a cryptographic generator */
  constructor(database: Database, random: (below: number) => number) {
    this.#database = database
    this.#random = random
  }

  /** Stores a plan with its steps. Steps that are known not to run have their outcome at once. */
  create(given: {
    readonly eventId: EventId
    readonly command: string
    readonly asker: UserId
    readonly roomId: RoomId
    readonly plan: Plan
    readonly state: 'confirming' | 'running'
    readonly now: Timestamp
  }): number {
    const { steps, summary, ...details } = given.plan
    return this.#database.transaction(() => {
      const { lastInsertId: planId } = this.#database.run(
        this.#database.query.insertInto('plan').values({
          event_id: given.eventId,
          command: given.command,
          asker: given.asker,
          room_id: given.roomId,
          answer_to: given.eventId,
          summary,
          details: JSON.stringify(details satisfies Details),
          state: given.state,
          created_at: given.now,
          finished_at: null,
        }),
      )
      for (const [step, planned] of steps.entries()) {
        const { blocked } = planned
        this.#database.run(
          this.#database.query.insertInto('effect').values({
            plan_id: planId,
            step,
            kind: planned.effect.kind,
            planned: JSON.stringify(planned),
            state: blocked?.state ?? 'planned',
            code: blocked?.code ?? null,
            detail: blocked?.text ?? null,
            data: null,
            intended_at: null,
            finished_at: blocked === undefined ? null : given.now,
          }),
        )
      }
      return planId
    })
  }

  /** The plan that a command made. */
  byEvent(eventId: EventId): StoredPlan | undefined {
    return this.#read('event_id', eventId)
  }

  /** The plan whose final answer goes to this event: the command itself, or its confirmation. */
  answering(eventId: EventId): StoredPlan | undefined {
    return this.#read('answer_to', eventId)
  }

  /** A plan by number. */
  get(planId: number): StoredPlan | undefined {
    return this.#read('plan_id', planId)
  }

  #read(column: 'event_id' | 'answer_to' | 'plan_id', value: EventId | number): StoredPlan | undefined {
    const row = this.#database.first(
      this.#database.query
        .selectFrom('plan')
        .selectAll()
        .where(column, '=', value as never),
    )
    if (row === undefined) return undefined
    return {
      planId: row.plan_id,
      eventId: row.event_id,
      command: row.command,
      asker: row.asker,
      roomId: row.room_id,
      answerTo: row.answer_to,
      state: row.state,
      plan: { ...(JSON.parse(row.details) as Details), summary: row.summary, steps: this.steps(row.plan_id).map((step) => step.planned) },
      createdAt: row.created_at,
    }
  }

  /** The steps of a plan, in order. */
  steps(planId: number): readonly StoredStep[] {
    return this.#database
      .all(this.#database.query.selectFrom('effect').selectAll().where('plan_id', '=', planId).orderBy('step'))
      .map((row) => ({
        step: row.step,
        planned: JSON.parse(row.planned) as PlannedStep,
        state: row.state,
        outcome:
          row.state === 'planned' || row.state === 'intended'
            ? undefined
            : {
                state: row.state,
                code: row.code ?? row.state,
                text: row.detail ?? '',
                ...(row.data === null ? {} : { data: JSON.parse(row.data) as Record<string, unknown> }),
              },
      }))
  }

  /** Writes that a step is about to be carried out. */
  intend(planId: number, step: number, now: Timestamp): void {
    this.#set(planId, step, { state: 'intended', intended_at: now })
  }

  /**
   * Writes what came of a step.
   * @param also further rows that belong to the outcome (a link, a job), stored in the same transaction
   */
  finish(planId: number, step: number, outcome: Outcome, now: Timestamp, also?: () => void): void {
    this.#database.transaction(() => {
      const data = outcome.data === undefined ? null : JSON.stringify(outcome.data)
      this.#set(planId, step, { state: outcome.state, code: outcome.code, detail: outcome.text, data, finished_at: now })
      also?.()
    })
  }

  #set(
    planId: number,
    step: number,
    values: Partial<Pick<EffectTable, 'state' | 'code' | 'detail' | 'data' | 'intended_at' | 'finished_at'>>,
  ): void {
    this.#database.run(this.#database.query.updateTable('effect').set(values).where('plan_id', '=', planId).where('step', '=', step))
  }

  /** Moves a plan on. */
  setState(planId: number, state: StoredPlan['state'], now: Timestamp): void {
    const finished = state === 'done' || state === 'expired' || state === 'cancelled'
    this.#database.run(
      this.#database.query
        .updateTable('plan')
        .set({ state, finished_at: finished ? now : null })
        .where('plan_id', '=', planId),
    )
  }

  /** Makes a confirmation for a plan. Short, so that it can be typed on a phone; bound to person and room. */
  askConfirmation(planId: number, asker: UserId, roomId: RoomId, expiresAt: Timestamp): string {
    for (;;) {
      const code = newCode(this.#random)
      if (this.#database.first(this.#database.query.selectFrom('held_command').select('code').where('code', '=', code)) !== undefined)
        continue
      const { changes } = this.#database.run(
        this.#database.query
          .insertInto('confirmation')
          .values({ code, plan_id: planId, asker, room_id: roomId, expires_at: expiresAt, answered_at: null, answered_by_event: null })
          .onConflict((conflict) => conflict.column('code').doNothing()),
      )
      if (changes === 1) return code
    }
  }

  /** Is this text a code that somebody was asked for, in this room? So that the bare code is understood. */
  isCode(text: string, roomId: RoomId): boolean {
    const code = text.trim().toLowerCase()
    if (!looksLikeCode(code)) return false
    const row = this.#database.first(this.#database.query.selectFrom('confirmation').select('room_id').where('code', '=', code))
    return row?.room_id === roomId
  }

  /** The plan of a code, whatever its state. */
  ofCode(code: string): StoredPlan | undefined {
    const row = this.#database.first(
      this.#database.query.selectFrom('confirmation').select('plan_id').where('code', '=', code.trim().toLowerCase()),
    )
    return row === undefined ? undefined : this.get(row.plan_id)
  }

  /**
   * Answers a confirmation: the same person, in the same room, in time, once. The plan then runs and answers the confirming event.
   * The same event again gives the same result.
   */
  confirm(code: string, by: UserId, roomId: RoomId, eventId: EventId, now: Timestamp): Confirmation {
    return this.#database.transaction((): Confirmation => {
      const row = this.#database.first(
        this.#database.query.selectFrom('confirmation').selectAll().where('code', '=', code.trim().toLowerCase()),
      )
      if (row === undefined || row.room_id !== roomId) return { ok: false, code: 'unknown' }
      if (row.asker !== by) return { ok: false, code: 'not-yours' }
      if (row.answered_by_event === eventId) return { ok: true, planId: row.plan_id }
      if (row.answered_at !== null) return { ok: false, code: 'used' }
      if (now > row.expires_at) {
        this.setState(row.plan_id, 'expired', now)
        return { ok: false, code: 'expired' }
      }
      this.#database.run(
        this.#database.query.updateTable('confirmation').set({ answered_at: now, answered_by_event: eventId }).where('code', '=', row.code),
      )
      this.#database.run(
        this.#database.query.updateTable('plan').set({ answer_to: eventId, state: 'running' }).where('plan_id', '=', row.plan_id),
      )
      return { ok: true, planId: row.plan_id }
    })
  }
}
