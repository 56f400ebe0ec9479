import type { Effect, PlannedStep } from '../chat/effects.ts'
import type { Database } from '../database/database.ts'
import type { EffectTable } from '../database/schema.ts'
import type { Timestamp, UserId } from '../types.ts'
import { undonePlans } from './made-arrivals.ts'

/** Whom an account is for, as a command names them. */
export interface Identity {
  readonly email?: string | undefined
  readonly userId?: UserId | undefined
  readonly username?: string | undefined
  /** Full name. */
  readonly name: string
}

/** An account that an earlier plan of ours made, or may have made. */
export interface EarlierAccount {
  readonly username: string
  /** Known only when Authentik confirmed it. */
  readonly pk?: number
  readonly email: string
  readonly userId?: UserId
  /** What stands in `attributes.created_by` if we made it. */
  readonly createdBy: string
}

type Create = Extract<Effect, { kind: 'account.create' }>

/** After these failures the account may come into being late, so its username is not given up. */
const perhapsMade: ReadonlySet<string | null> = new Set(['timeout', 'unreachable', 'server', 'malformed', 'cancelled'])
/** Two people may have the same name: without anything else to go by only what was cut short lately counts (milliseconds). */
const sameNameForMs = 24 * 3_600_000

const foldCase = (text: string): string => text.normalize('NFKC').toLowerCase()

/** Does the command say nothing but a name about the newcomer? */
export const isNameOnly = (wish: Identity): boolean => wish.email === undefined && wish.userId === undefined && wish.username === undefined

/** Is this the same newcomer? By MXID or e-mail; by username or name only where neither says anything. */
const isSame = (create: Create, state: EffectTable['state'], wish: Identity, recent: boolean): boolean => {
  if (wish.userId !== undefined && create.userId === wish.userId) return true
  if (wish.email !== undefined && create.email !== '' && foldCase(create.email) === foldCase(wish.email)) return true
  const anonymous = create.email === '' && create.userId === undefined
  if (!anonymous) return false
  if (wish.username !== undefined && foldCase(create.username) === foldCase(wish.username)) return true
  return state !== 'done' && recent && isNameOnly(wish) && create.name === wish.name
}

/**
 * Looks in our own plans for an account that was made (or may have been made) for the same newcomer, so that giving a command again never
 * makes a second one. What Authentik says about it now is for the caller to ask.
 */
export const createEarlierAccounts =
  (database: Database) =>
  (wish: Identity, now: Timestamp): EarlierAccount | undefined => {
    // LIKE only narrows the rows (it also takes % and _ in an address as wildcards); what matches is decided below.
    const holds = [wish.email, wish.userId, wish.username, isNameOnly(wish) ? wish.name : undefined]
      .filter((text) => text !== undefined && text !== '')
      .map((text) => `%${JSON.stringify(text).slice(1, -1)}%`)
    const rows = database.all(
      database.query
        .selectFrom('effect')
        .innerJoin('plan', 'plan.plan_id', 'effect.plan_id')
        .select([
          'effect.plan_id',
          'effect.planned',
          'effect.state',
          'effect.code',
          'effect.data',
          'plan.created_at',
          'plan.state as plan_state',
        ])
        .where('effect.kind', '=', 'account.create')
        .where((or) => or.or(holds.map((text) => or('effect.planned', 'like', text))))
        .orderBy('effect.plan_id', 'desc')
        .limit(200),
    )
    // An account that `!undo` disabled is nobody's any more.
    const undone = undonePlans(database)
    const found = rows.flatMap((row): (EarlierAccount & { readonly made: boolean })[] => {
      if (undone.has(row.plan_id)) return []
      const { effect } = JSON.parse(row.planned) as PlannedStep
      if (effect.kind !== 'account.create') return []
      if (row.state === 'skipped' || (row.state === 'failed' && !perhapsMade.has(row.code))) return []
      if (row.state === 'planned' && row.plan_state !== 'running') return []
      if (!isSame(effect, row.state, wish, now - row.created_at < sameNameForMs)) return []
      const data = row.data === null ? {} : (JSON.parse(row.data) as Record<string, unknown>)
      const pk = Object.hasOwn(data, 'pk') ? data['pk'] : undefined
      return [
        {
          username: effect.username,
          email: effect.email,
          createdBy: String(effect.attributes['created_by'] ?? ''),
          made: row.state === 'done',
          ...(typeof pk === 'number' ? { pk } : {}),
          ...(effect.userId === undefined ? {} : { userId: effect.userId }),
        },
      ]
    })
    const best = found.find((one) => one.made) ?? found[0]
    if (best === undefined) return undefined
    const { made: _made, ...account } = best
    return account
  }
