import type { Effect, PlannedStep } from '../chat/effects.ts'
import type { Database } from '../database/database.ts'
import { fold } from '../directory/fold.ts'
import { undonePlans } from './made-arrivals.ts'

type Create = Extract<Effect, { kind: 'account.create' }>

/** What a plan was made from may be this old when it is stored (milliseconds): the reads of a plan take less than 5 s. */
const planningMs = 6_000

const isSame = (one: Create, other: Create): boolean =>
  (one.userId !== undefined && one.userId === other.userId) || (one.email !== '' && fold(one.email) === fold(other.email))

/**
 * Two commands for the same person in the same second: each was planned before the other had made anything, so each would make an account. The one
 * that began first makes it.
 * @returns whether another plan came first, asked after the intent of this one was stored
 */
export const createRivals =
  (database: Database) =>
  (effect: Create, planId: number): boolean => {
    const rows = database.all(
      database.query
        .selectFrom('effect')
        .innerJoin('plan', 'plan.plan_id', 'effect.plan_id')
        .select(['effect.plan_id', 'effect.planned', 'effect.state', 'effect.intended_at', 'effect.finished_at', 'plan.created_at'])
        .where('effect.kind', '=', 'account.create')
        .where('effect.state', 'in', ['intended', 'done', 'unknown'])
        .orderBy('effect.plan_id', 'desc')
        .limit(200),
    )
    const own = rows.find((row) => row.plan_id === planId)
    if (own === undefined) return false
    const undone = undonePlans(database)
    return rows.some((row) => {
      if (row.plan_id === planId || undone.has(row.plan_id)) return false
      const planned = (JSON.parse(row.planned) as PlannedStep).effect
      if (planned.kind !== 'account.create' || !isSame(effect, planned)) return false
      // Ended before this one was planned: the plan knows of it.
      if (row.finished_at !== null) return row.finished_at >= own.created_at - planningMs
      const [first, mine] = [row.intended_at ?? 0, own.intended_at ?? 0]
      return first < mine || (first === mine && row.plan_id < planId)
    })
  }
