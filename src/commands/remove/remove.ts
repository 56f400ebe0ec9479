import { bullets, paragraph } from '../../chat/answer.ts'
import type { Answer } from '../../chat/answer.ts'
import type { ChangeCommand, CommandRequest, ResolvedPerson } from '../../chat/command.ts'
import type { Role, RoomKind } from '../../chat/declaration.ts'
import type { Plan, PlannedStep } from '../../chat/effects.ts'
import { listOf } from '../../chat/help.ts'
import type { Catalogue } from '../../directory/catalogue.ts'
import { categoriesOf, findCategory } from '../../directory/listing.ts'
import type { ListedRoom } from '../../directory/listing.ts'
import type { DirectoryLookup } from '../../directory/lookup.ts'
import type { RoomId, UserId } from '../../types.ts'
import { absentProblem, powerProblem } from '../../directory/power-words.ts'
import { peopleWords } from '../words.ts'
import type { PowerPorts } from '../../directory/power-words.ts'
import { count, refusal } from '../words.ts'
import { planContainment } from './contain.ts'
import type { ContainPorts } from './contain.ts'
import { removeDeclaration } from './declaration.ts'
import { renderRemoval } from './render.ts'
import { findRooms, verify } from './where.ts'
import type { Candidates, Place, WherePorts } from './where.ts'

/** The reasons that have a template of their own: the first line of `removal-<preset>`. */
const presets = ['unverified', 'inactive', 'spam', 'safety'] as const
export type ReasonPreset = (typeof presets)[number]

export interface RemovePorts extends ContainPorts, PowerPorts, Omit<WherePorts, 'directory'> {
  readonly directory: Pick<DirectoryLookup, 'room' | 'roomsOf' | 'syncedAt' | 'power' | 'memberIds'>
  readonly isBridged: (userId: UserId) => boolean
  readonly roomName: (roomId: RoomId) => string
  /** All rooms of the community (`Community.listed`). */
  readonly listed: () => readonly ListedRoom[]
  /** Those of them that may be named in this place (`Community.visibleTo`). */
  readonly visibleTo: (viewer: { readonly userId: UserId; readonly role: Role; readonly place: RoomKind }) => readonly ListedRoom[]
  readonly catalogue: () => Catalogue
  /** Do the server's rate limits not hold for the bot? */
  readonly exempt: () => boolean
  /** What is still to be delivered to a person, and invitations that still wait for the server, with the words for giving it up. */
  readonly waitingFor: (userId: UserId) => readonly { readonly jobId: number; readonly text: string; readonly roomId?: RoomId }[]
  /** The template of a preset, rendered, as plain text. */
  readonly presetText: (preset: ReasonPreset, name: string) => string
}

/** Member events hold the reason, and everybody in the room reads it. */
const longestReason = 500
/** Synapse's default limit on what one user sends, `rc_message`: so many at once, then one in so many milliseconds. */
const burst = 10
const everyMs = 5000
const open: ReadonlySet<string | null> = new Set(['public', 'knock', 'restricted', 'knock_restricted'])

/** How long so many events take with the default rate limits (milliseconds). */
export const estimateMs = (events: number, exempt: boolean): number => (exempt ? 0 : Math.max(0, events - burst) * everyMs)

/** Which rooms the command is about: all of the person, or these. */
type Scope =
  | { readonly kind: 'all' }
  | {
      readonly kind: 'rooms'
      readonly rooms: readonly RoomId[]
      /** Named one by one: a room without the bot is told as a failure. */ readonly named: ReadonlySet<RoomId>
      readonly notes: readonly string[]
    }

const scopeOf = (ports: RemovePorts, request: CommandRequest): Scope | Answer => {
  const { arguments: given, asker, roomKind } = request
  const rooms = given.rooms('rooms')
  if (rooms !== undefined) {
    const named = new Set(rooms.filter((room) => room.category === undefined).map((room) => room.roomId))
    return { kind: 'rooms', rooms: rooms.map((room) => room.roomId), named, notes: [] }
  }
  const written = given.text('category')
  if (written === undefined) return { kind: 'all' }
  const category = findCategory(ports.catalogue(), written)
  const found = category === undefined ? [] : ports.listed().filter((room) => room.category === category)
  if (found.length === 0) {
    const known = categoriesOf(ports.visibleTo({ userId: asker.userId, role: asker.role, place: roomKind }), ports.catalogue()).map(
      ({ key }) => key,
    )
    return refusal(
      'unknown-category',
      `There is no category “${written}”.`,
      ...(known.length === 0 ? [] : [' There are ', ...listOf(known), '.']),
    )
  }
  const ids = found.flatMap((room) => (room.roomId === undefined || !room.joined ? [] : [room.roomId]))
  const missing = found.length - ids.length
  const notes =
    missing === 0 ? [] : [`I am not in ${count(missing, 'room')} of the category ${written}: nobody can be removed there by me.`]
  return { kind: 'rooms', rooms: ids, named: new Set(), notes }
}

const reasonOf = (ports: RemovePorts, given: string | undefined, name: string): string | undefined => {
  if (given === undefined) return undefined
  const preset = presets.find((known) => known === given.trim().toLowerCase())
  if (preset === undefined) return given
  return ports.presetText(preset, name).split('\n', 1)[0]?.trim()
}

/** How a room is called in this place. Newcomers read along in INDOC, so a room that is not public has a number there. */
const labels = (
  ports: RemovePorts,
  request: CommandRequest,
): { readonly of: (roomId: RoomId) => string; readonly hidden: () => number } => {
  const { asker, roomKind } = request
  if (roomKind !== 'indoc') return { of: ports.roomName, hidden: () => 0 }
  const visible = new Set(ports.visibleTo({ userId: asker.userId, role: asker.role, place: roomKind }).map((room) => room.roomId))
  const numbers = new Map<RoomId, number>()
  return {
    of: (roomId) => {
      if (roomId === request.roomId || visible.has(roomId)) return ports.roomName(roomId)
      if (!numbers.has(roomId)) numbers.set(roomId, numbers.size + 1)
      return `room ${numbers.get(roomId) ?? 0}`
    },
    hidden: () => numbers.size,
  }
}

const textOf = (ban: boolean, membership: 'join' | 'invite' | 'knock', name: string, room: string): string => {
  if (ban) return `ban ${name} from ${room}`
  if (membership === 'invite') return `take back the invitation of ${name} to ${room}`
  return membership === 'knock' ? `turn down the request of ${name} to join ${room}` : `kick ${name} from ${room}`
}

const memberStep = (ports: RemovePorts, place: Place, ban: boolean, reason: string | undefined, room: string): PlannedStep | undefined => {
  const { userId, roomId, found } = place
  if (found.state === 'gone' || found.state === 'banned') return undefined
  const action = ban ? 'ban' : 'kick'
  const effect = { kind: `room.${action}` as const, roomId, userId, ...(reason === undefined ? {} : { reason }) }
  const membership = found.state === 'there' ? found.membership : 'join'
  const words = found.state === 'unverified' ? ` (${found.words})` : ''
  const step: PlannedStep = { effect, text: `${textOf(ban, membership, ports.nameOf(userId), room)}${words}` }
  const problem = found.state === 'bot-absent' ? absentProblem() : powerProblem(ports, roomId, action, userId)
  return problem === undefined ? step : { ...step, blocked: { state: 'failed', ...problem } }
}

const redactStep = (ports: RemovePorts, place: Place, limit: number, room: string): PlannedStep | undefined => {
  const { userId, roomId, found } = place
  const wrote = (found.state === 'there' && found.membership === 'join') || found.state === 'unverified'
  if (!wrote || ports.directory.room(roomId)?.space === true) return undefined
  const problem = powerProblem(ports, roomId, 'redact', userId)
  return {
    effect: { kind: 'room.redact', roomId, userId, limit },
    text: `hide up to ${count(limit, 'message')} of ${ports.nameOf(userId)} in ${room}`,
    ...(problem === undefined ? {} : { blocked: { state: 'failed', ...problem } }),
  }
}

/** Whoever is removed gets no credentials any more, and no invitation that had to wait. */
const cancelSteps = (
  ports: RemovePorts,
  people: readonly ResolvedPerson[],
  scope: Scope,
  request: CommandRequest,
): readonly PlannedStep[] =>
  people
    .flatMap(({ userId }) => (userId === undefined ? [] : ports.waitingFor(userId)))
    .filter(({ roomId }) => scope.kind === 'all' || (roomId !== undefined && scope.rooms.includes(roomId)))
    .map(({ jobId, text }) => ({
      // The event makes the reason this command's own, so that a restart knows its work again.
      effect: { kind: 'job.cancel', jobId, reason: `given up by ${request.asker.userId} (${request.eventId})` },
      text,
    }))

/** What the reader should know beside the steps. */
const placeNotes = (ports: RemovePorts, places: readonly Place[], steps: readonly PlannedStep[]): readonly string[] => {
  const of = (state: Place['found']['state']): number => places.filter((place) => place.found.state === state).length
  const [gone, banned, unverified] = [of('gone'), of('banned'), of('unverified')]
  const back = new Set(
    steps.flatMap(({ effect, blocked }) =>
      effect.kind === 'room.kick' && blocked === undefined && open.has(ports.directory.room(effect.roomId)?.joinRule ?? null)
        ? [effect.roomId]
        : [],
    ),
  ).size
  const redacting = steps.some(({ effect, blocked }) => effect.kind === 'room.redact' && blocked === undefined)
  const bridged = [...new Set(places.map((place) => place.userId))].filter(ports.isBridged)
  return [
    ...(gone === 0 ? [] : [`Left out: ${count(gone, 'room')} where they are not.`]),
    ...(banned === 0 ? [] : [`Left out: ${count(banned, 'room')} where they are banned already.`]),
    ...(unverified === 0 ? [] : [`${count(unverified, 'room')} could not be verified: I try, and the server's answer decides.`]),
    ...(back === 0 ? [] : [`They can come back to ${count(back, 'room')} by themselves; use --ban to prevent that.`]),
    ...(redacting && !ports.exempt() ? ['Hiding messages takes longer: the server allows one in five seconds.'] : []),
    ...bridged.map((userId) => `${ports.nameOf(userId)}: removed on Matrix only; the bridge has not confirmed.`),
  ]
}

interface Selection {
  readonly places: readonly Place[]
  readonly notes: readonly string[]
}

/** Finds and verifies where the people are. */
const select = async (ports: RemovePorts, people: readonly ResolvedPerson[], scope: Scope, request: CommandRequest): Promise<Selection> => {
  const users = people.flatMap(({ userId }) => (userId === undefined ? [] : [userId]))
  const found =
    scope.kind === 'all'
      ? await Promise.all(users.map((userId) => findRooms(ports, userId, request.now, request.signal)))
      : users.map((): Candidates => ({ rooms: scope.rooms, shared: new Set(), notes: scope.notes }))
  const all = users.flatMap((userId, index) =>
    (found[index]?.rooms ?? []).map((roomId) => ({ userId, roomId, shared: found[index]?.shared.has(roomId) === true })),
  )
  const pairs = all.filter(({ roomId }) => !ports.isDirect(roomId))
  const direct = new Set(all.filter(({ roomId }) => ports.isDirect(roomId)).map(({ roomId }) => roomId)).size
  const places = await verify(ports, pairs, request.now, request.signal)
  // A room that the bot has left is a failure where somebody named it or the person is known to be there, and nothing otherwise.
  const kept = places.filter(({ roomId, found: { state } }) => state !== 'bot-absent' || scope.kind === 'all' || scope.named.has(roomId))
  const notes = [...new Set(found.flatMap((one) => one.notes))]
  return { places: kept, notes: [...notes, ...(direct === 0 ? [] : [`Left out: ${count(direct, 'direct chat')} with me.`])] }
}

const summaryOf = (people: readonly ResolvedPerson[], ban: boolean, rooms: number): string => {
  const names = peopleWords(people.map(({ name }) => name))
  return rooms === 0 ? `contain ${names}` : `${ban ? 'ban' : 'remove'} ${names} from ${count(rooms, 'room')}`
}

const nothing = (people: readonly ResolvedPerson[], notes: readonly string[], scope: Scope): Answer => {
  const names = peopleWords(people.map(({ name }) => name))
  const where = scope.kind === 'all' ? 'in no room that I can see' : 'in none of these rooms'
  return {
    mark: '✅',
    blocks: [
      paragraph({ bold: names }, ` ${people.length === 1 ? 'is' : 'are'} ${where}: there is nothing to do.`),
      ...(notes.length === 0 ? [] : [bullets(...notes.map((note) => [note]))]),
    ],
    code: 'not-in-rooms',
  }
}

const plan = async (ports: RemovePorts, request: CommandRequest): Promise<Plan | Answer> => {
  const { arguments: given } = request
  const people = given.users('users')
  const ban = given.flag('ban')
  const written = given.text('reason')
  if (written !== undefined && written.length > longestReason)
    return refusal('reason-too-long', `The reason has ${written.length} characters; ${longestReason} are the most.`)
  if (given.flag('announce') && request.roomKind !== 'admin')
    return refusal(
      'not-available',
      'I cannot announce it elsewhere yet. Give the command in the admin room, where the answer stands for everybody to read, or leave --announce out.',
    )
  const contained = planContainment(ports, people, request)
  if ('blocks' in contained) return contained
  const scope = scopeOf(ports, request)
  if ('blocks' in scope) return scope
  const { places, notes: found } = await select(ports, people, scope, request)

  const label = labels(ports, request)
  const isSpace = (place: Place): boolean => ports.directory.room(place.roomId)?.space === true
  // Rooms that a space lets people into come before the space.
  const ordered = [...places.filter((place) => !isSpace(place)), ...places.filter(isSpace)]
  const name = (userId: UserId): string => people.find((person) => person.userId === userId)?.name ?? ports.nameOf(userId)
  const moves = ordered.flatMap(
    (place) => memberStep(ports, place, ban, reasonOf(ports, written, name(place.userId)), label.of(place.roomId)) ?? [],
  )
  const limit = given.number('redact')
  const hides = limit === undefined ? [] : ordered.flatMap((place) => redactStep(ports, place, limit, label.of(place.roomId)) ?? [])
  const steps = [...contained.steps, ...cancelSteps(ports, people, scope, request), ...moves, ...hides]

  const strangers = people.filter((person) => person.userId === undefined && !given.flag('suspend'))
  const notes = [
    ...contained.notes,
    ...strangers.map((person) => `${person.name} has no linked Matrix user: I do not know in which rooms they are.`),
    ...found,
    ...placeNotes(ports, places, steps),
    ...(label.hidden() === 0 ? [] : ['Rooms that are not public have numbers here; in the admin room they have names.']),
    ...(written === undefined || moves.length === 0
      ? []
      : [`Reason, for all in the rooms to read: ${reasonOf(ports, written, people[0]?.name ?? '') ?? ''}`]),
  ]
  if (steps.length === 0) return nothing(people, notes, scope)
  const rooms = new Set(moves.map(({ effect }) => ('roomId' in effect ? effect.roomId : undefined))).size
  return {
    summary: summaryOf(people, ban, rooms),
    steps,
    notes,
    estimateMs: estimateMs(moves.filter((step) => step.blocked === undefined).length, ports.exempt()),
    targets: people.flatMap(({ userId }) => (userId === undefined ? [] : [userId])),
  }
}

/**
 * `!remove`: contains the accounts, then takes the people out of every room where they really are. A room where the bot cannot act stands in the
 * plan with the reason and with who could help.
 */
export const createRemoveCommand = (ports: RemovePorts): ChangeCommand => ({
  declaration: removeDeclaration,
  plan: (request) => plan(ports, request),
  render: (made, outcomes) => renderRemoval(made, outcomes, ports.nameOf),
})
