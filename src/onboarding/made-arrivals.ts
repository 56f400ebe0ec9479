import type { Outcome, Plan, PlannedStep } from '../chat/effects.ts'
import type { Database } from '../database/database.ts'
import type { Timestamp, UserId } from '../types.ts'

/** An arrival that was carried out, with what really came of its steps. */
export interface MadeArrival {
  readonly planId: number
  readonly summary: string
  readonly asker: UserId
  readonly at: Timestamp
  readonly targets: readonly UserId[]
  readonly steps: readonly {
    readonly planned: PlannedStep
    readonly state: Outcome['state']
    readonly data: Readonly<Record<string, unknown>>
  }[]
}

/** Commands that make arrivals. */
const arrivalCommands: readonly string[] = ['adduser', 'approve', 'gtg', 'arrival']
/** How far back is looked. */
const most = 200

type Details = Omit<Plan, 'steps' | 'summary'>

/** Does a plan make the arrival of this person or account? */
const concerns = (made: MadeArrival, who: { readonly userId?: UserId | undefined; readonly pk?: number | undefined }): boolean =>
  (who.userId !== undefined && made.targets.includes(who.userId)) ||
  (who.pk !== undefined && made.steps.some(({ data }) => data['pk'] === who.pk))

/** The numbers of the plans that were taken back, and wholly: what failed can be given again. */
export const undonePlans = (database: Database): ReadonlySet<number> =>
  new Set(
    database
      .all(
        database.query
          .selectFrom('plan')
          .select('details')
          .where('command', '=', 'undo')
          .where('state', '=', 'done')
          .where((build) =>
            build.not(
              build.exists(
                build
                  .selectFrom('effect')
                  .select('effect.step')
                  .whereRef('effect.plan_id', '=', 'plan.plan_id')
                  .where('effect.state', 'in', ['failed', 'unknown']),
              ),
            ),
          )
          .orderBy('plan_id', 'desc')
          .limit(most),
      )
      .flatMap(({ details }) => (JSON.parse(details) as Details).undoes ?? []),
  )

/**
 * Finds the newest arrival that has changed something and was not taken back.
 * @returns a search, by who asked for it or by whose it was
 */
export const createMadeArrivals =
  (database: Database) =>
  (
    by: { readonly asker: UserId } | { readonly userId?: UserId | undefined; readonly pk?: number | undefined },
  ): MadeArrival | undefined => {
    const undone = undonePlans(database)
    const plans = database.all(
      database.query
        .selectFrom('plan')
        .selectAll()
        .where('command', 'in', arrivalCommands)
        .where('state', '=', 'done')
        .orderBy('plan_id', 'desc')
        .limit(most),
    )
    for (const row of plans) {
      if (undone.has(row.plan_id) || ('asker' in by && row.asker !== by.asker)) continue
      const steps = database
        .all(database.query.selectFrom('effect').selectAll().where('plan_id', '=', row.plan_id).orderBy('step'))
        .flatMap((effect) =>
          effect.state === 'planned' || effect.state === 'intended'
            ? []
            : [
                {
                  planned: JSON.parse(effect.planned) as PlannedStep,
                  state: effect.state,
                  data: (effect.data === null ? {} : JSON.parse(effect.data)) as Record<string, unknown>,
                },
              ],
        )
      const { targets } = JSON.parse(row.details) as Details
      const made: MadeArrival = { planId: row.plan_id, summary: row.summary, asker: row.asker, at: row.created_at, targets, steps }
      // A command that found everything done already has made nothing.
      const changed = steps.some(({ state, planned }) => state === 'done' && planned.effect.kind !== 'account.attributes')
      if (changed && ('asker' in by || concerns(made, by))) return made
    }
    return undefined
  }
