import type { JsonObject, UserId } from '../types.ts'

/** The levels of `m.room.power_levels` that this program reads; absent = the spec's default. */
export interface PowerLevels {
  readonly users: ReadonlyMap<UserId, number>
  readonly events: ReadonlyMap<string, number>
  readonly users_default: number | undefined
  readonly events_default: number | undefined
  readonly state_default: number | undefined
  readonly invite: number | undefined
  readonly kick: number | undefined
  readonly ban: number | undefined
  readonly redact: number | undefined
}

/** All that decides who may do what in a room. */
export interface RoomPower {
  /** `room_version` of the create event; null = it was not seen (then the oldest rules are assumed). */
  readonly version: string | null
  /** See `creatorsOf`. */
  readonly creators: readonly UserId[]
  /** null = the room has no `m.room.power_levels` event. */
  readonly levels: PowerLevels | null
}

/** What needs power. `redact` = redact the messages of others. */
export type PowerAction = 'invite' | 'kick' | 'ban' | 'unban' | 'redact' | { readonly message: string } | { readonly state: string }

/** May somebody do it? `text` says why not, in plain words. */
export type PowerDecision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly code: 'no-power' | 'target-power' | 'target-creator'; readonly text: string }

/** Levels are integers; rooms older than version 10 may hold them as text (`"50"`). Anything else counts as absent. */
const readLevel = (value: unknown): number | undefined => {
  if (typeof value === 'number') return Number.isFinite(value) ? Math.trunc(value) : undefined
  if (typeof value === 'string' && /^\s*[+-]?\d{1,16}\s*$/.test(value)) return Number(value)
  return undefined
}

const readLevels = (value: unknown): Map<string, number> => {
  const levels = new Map<string, number>()
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return levels
  for (const [key, raw] of Object.entries(value)) {
    const level = readLevel(raw)
    if (level !== undefined) levels.set(key, level)
  }
  return levels
}

/**
 * Reads the content of `m.room.power_levels`. Own properties only; parts that make no sense count as absent.
 * @returns null when there is no such event (`content` null or undefined)
 */
export const parsePowerLevels = (content: JsonObject | null | undefined): PowerLevels | null => {
  if (content === null || content === undefined) return null
  const own = (name: string): unknown => (Object.hasOwn(content, name) ? content[name] : undefined)
  return {
    users: readLevels(own('users')) as Map<UserId, number>,
    events: readLevels(own('events')),
    users_default: readLevel(own('users_default')),
    events_default: readLevel(own('events_default')),
    state_default: readLevel(own('state_default')),
    invite: readLevel(own('invite')),
    kick: readLevel(own('kick')),
    ban: readLevel(own('ban')),
    redact: readLevel(own('redact')),
  }
}

const versionNumber = (version: string | null): number | undefined =>
  version !== null && /^\d{1,4}$/.test(version) ? Number(version) : undefined

/** Do the creators of such a room stand above every power level? (MSC4289; room version 12, and its experimental name) */
export const creatorsAreImmortal = (version: string | null): boolean =>
  version === 'org.matrix.hydra.11' || (versionNumber(version) ?? 0) >= 12

/**
 * Who created a room.
 * @param create the whole `m.room.create` event: the content alone lacks the sender
 * @returns version 12: the sender and `additional_creators`; version 11: the sender; older: `creator`
 */
export const creatorsOf = (create: { readonly sender: UserId; readonly content: JsonObject }): readonly UserId[] => {
  const own = (name: string): unknown => (Object.hasOwn(create.content, name) ? create.content[name] : undefined)
  const version = own('room_version')
  const known = typeof version === 'string' ? version : null
  if (creatorsAreImmortal(known)) {
    const additional = own('additional_creators')
    const others = Array.isArray(additional)
      ? additional.filter((user): user is UserId => typeof user === 'string' && user.startsWith('@'))
      : []
    return [...new Set([create.sender, ...others])]
  }
  const creator = own('creator')
  if ((versionNumber(known) ?? 1) < 11 && typeof creator === 'string') return [creator as UserId]
  return [create.sender]
}

/**
 * The power of a user.
 * @returns Infinity for a creator of a version 12 room; without a power levels event 100 for the creator and 0 for everybody else
 */
export const powerOf = (room: RoomPower, user: UserId): number => {
  const creator = room.creators.includes(user)
  if (creator && creatorsAreImmortal(room.version)) return Infinity
  if (room.levels === null) return creator ? 100 : 0
  return room.levels.users.get(user) ?? room.levels.users_default ?? 0
}

/** The power that an action needs (spec, `m.room.power_levels`: 50 for kick, ban and redact, 0 for invite). */
export const requiredPower = (room: RoomPower, action: PowerAction): number => {
  const levels = room.levels
  if (typeof action === 'object') {
    // Without the event anybody may send anything; with it, state needs 50 unless it says otherwise.
    if ('state' in action) return levels?.events.get(action.state) ?? (levels === null ? 0 : (levels.state_default ?? 50))
    return levels?.events.get(action.message) ?? levels?.events_default ?? 0
  }
  // The rules of room membership ask for both levels to take a ban back.
  if (action === 'unban') return Math.max(requiredPower(room, 'ban'), requiredPower(room, 'kick'))
  // A redaction is an event too: sending it has a level of its own.
  if (action === 'redact') return Math.max(levels?.redact ?? 50, requiredPower(room, { message: 'm.room.redaction' }))
  return levels?.[action] ?? (action === 'invite' ? 0 : 50)
}

const describe = (action: PowerAction): string => {
  if (typeof action === 'object') return 'state' in action ? `changing ${action.state}` : `sending ${action.message}`
  return { invite: 'inviting', kick: 'kicking', ban: 'banning', unban: 'unbanning', redact: 'removing messages' }[action]
}

/** Is the action aimed at a person whose power counts too? */
const aimed = (action: PowerAction): boolean => action === 'kick' || action === 'ban' || action === 'unban'

/**
 * May `actor` do it (to `target`)? Looks at power only: whether anybody is in the room is for the caller to check.
 * @param target counts for kick, ban and unban: their power must be below the actor's
 */
export const decide = (room: RoomPower, action: PowerAction, actor: UserId, target?: UserId): PowerDecision => {
  const own = powerOf(room, actor)
  const needed = requiredPower(room, action)
  if (own < needed) {
    return { allowed: false, code: 'no-power', text: `${describe(action)} needs power ${needed} in this room, and ${actor} has ${own}` }
  }
  if (target === undefined || !aimed(action)) return { allowed: true }
  const theirs = powerOf(room, target)
  if (theirs === Infinity) {
    return {
      allowed: false,
      code: 'target-creator',
      text: `${target} created this room, and nobody can act against a creator of such a room`,
    }
  }
  if (own > theirs) return { allowed: true }
  return {
    allowed: false,
    code: 'target-power',
    text: `${target} has power ${theirs} in this room, and ${actor} needs more than that but has ${own}`,
  }
}

/** May `actor` invite somebody? */
export const canInvite = (room: RoomPower, actor: UserId): PowerDecision => decide(room, 'invite', actor)
/** May `actor` kick `target`? */
export const canKick = (room: RoomPower, actor: UserId, target: UserId): PowerDecision => decide(room, 'kick', actor, target)
/** May `actor` ban `target`? */
export const canBan = (room: RoomPower, actor: UserId, target: UserId): PowerDecision => decide(room, 'ban', actor, target)
/** May `actor` take a ban of `target` back? */
export const canUnban = (room: RoomPower, actor: UserId, target: UserId): PowerDecision => decide(room, 'unban', actor, target)
/** May `actor` redact what others wrote? */
export const canRedact = (room: RoomPower, actor: UserId): PowerDecision => decide(room, 'redact', actor)

/** Who could help. */
export interface Capable {
  /** Everybody in the room has enough power by default (and nobody has to be named). */
  readonly everybody: boolean
  /** People with a level of their own or creators, strongest first, then by id. */
  readonly people: readonly UserId[]
}

/**
 * Who has the power for an action: the people to name where the bot lacks it.
 * @param target as in `decide`
 * @param present only these are named (the joined members); absent = all whom the room's state mentions
 */
export const whoCan = (room: RoomPower, action: PowerAction, target?: UserId, present?: ReadonlySet<UserId>): Capable => {
  const named = new Set<UserId>([...room.creators, ...(room.levels?.users.keys() ?? [])])
  const people = [...named]
    .filter((user) => user !== target && (present === undefined || present.has(user)) && decide(room, action, user, target).allowed)
    .map((user) => ({ user, power: powerOf(room, user) }))
    .sort((a, b) => (a.power === b.power ? (a.user < b.user ? -1 : 1) : a.power > b.power ? -1 : 1))
    .map(({ user }) => user)
  const ordinary = room.levels?.users_default ?? 0
  const everybody = ordinary >= requiredPower(room, action) && (target === undefined || !aimed(action) || ordinary > powerOf(room, target))
  return { everybody, people }
}
