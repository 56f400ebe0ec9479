import { readdirSync, readFileSync } from 'node:fs'
import { vi } from 'vitest'
import { freePort } from '../support/free-port.ts'
import type { DemoOptions } from '../demo/environment.ts'
import type { RoomPlan } from '../demo/rooms.ts'
import type { UserRecord } from '../support/authentik/state.ts'
import type { User } from '../support/homeserver/admin.ts'
import { startProxy, type Proxy, type Rule } from '../support/homeserver/proxy.ts'
import { startLightUser, type LightUser } from '../support/people/light.ts'
import type { SeenMessage } from '../support/people/people.ts'
import { patience, startWorld, type World } from './world.ts'

/** A world with a proxy between the bot and Authentik as well. */
export interface ArrivalWorld extends World {
  readonly authentikProxy: Proxy
  /** The moderator gives a command in the admin room; its final answer. */
  give(text: string): Promise<SeenMessage>
  /** A client for somebody, which ends with the world. */
  clientOf(newcomer: Newcomer, deviceId?: string): Promise<LightUser>
}

/** Somebody who waits in INDOC and has no account. */
export interface Newcomer {
  readonly user: User
  readonly userId: string
  readonly email: string
  /** `!adduser …` with everything that the main job needs; further options are put at its end. */
  command(more?: string): string
}

/** A space and a few rooms, each with a moderator and one member in it. */
export const arrivalRooms: readonly RoomPlan[] = [
  { name: 'Riverbend', category: 'community', visibility: 'public', always: true, encrypted: false, space: true },
  { name: 'Lobby', category: 'community', visibility: 'public', always: true },
  { name: 'Hiking', category: 'outdoor', keywords: ['hiking', 'mountains'], visibility: 'public' },
  { name: 'Tech', category: 'tech', visibility: 'public' },
  { name: 'Stewards', category: 'community', visibility: 'moderators', access: 'moderator', people: ['moderators'] },
]

/** Starts a world for arrivals: a few rooms, short pauses, trouble with Authentik on request. */
export const startArrivalWorld = async (options: Partial<DemoOptions> = {}): Promise<ArrivalWorld> => {
  const port = await freePort()
  const authentikProxy = await startProxy({ target: `http://127.0.0.1:${port}` })
  // As behind a real reverse proxy: people open another address than the bot calls.
  const env = {
    GATEHOUSE_AUTHENTIK_URL: authentikProxy.url,
    GATEHOUSE_AUTHENTIK_PUBLIC_URL: `http://127.0.0.1:${port}`,
    GATEHOUSE_WELCOME_HELLO_GAP: '200ms',
    ...options.bot?.env,
  }
  const world = await startWorld({
    rooms: arrivalRooms,
    authentik: { seed: { people: 3, groups: ['Members', 'Hikers'] }, port },
    ...options,
    bot: { ...options.bot, env },
  })
  await untilMirrored(world)
  const clients: LightUser[] = []
  return {
    ...world,
    authentikProxy,
    give: async (text) => await finalAnswer(world, world.adminRoom, await world.moderator.sendText(world.adminRoom, text)),
    clientOf: async ({ user }, deviceId) => {
      const client = await startLightUser(world.homeserver, { user, ...(deviceId === undefined ? {} : { deviceId }) })
      clients.push(client)
      return client
    },
    stop: async () => {
      await Promise.all(clients.map((client) => client.stop()))
      await world.stop()
      await authentikProxy.stop()
    },
  }
}

/** Waits until the accounts of Authentik have been copied, so that the copying does not count among a command's requests. */
export const untilMirrored = async (world: World): Promise<void> => {
  const soon = Date.now() + 60_000
  await eventually(
    'the accounts were copied',
    () => world.query(`SELECT 1 FROM job WHERE kind = 'authentik-mirror' AND state = 'waiting' AND attempts = 0 AND run_at > ?`, soon)[0],
  )
}

/** Waits until the function answers with something; it looks at a database or a file, which nobody tells about changes. */
export const eventually = async <Found>(what: string, find: () => Found | undefined, timeoutMs = patience): Promise<Found> =>
  await vi.waitFor(
    () => {
      const found = find()
      if (found === undefined) throw new Error(`this did not happen: ${what}`)
      return found
    },
    { timeout: timeoutMs, interval: 30 },
  )

let number = 0

/** Registers somebody and lets them join INDOC. */
export const arriveAtIndoc = async (world: World, name = 'Ada'): Promise<Newcomer> => {
  number += 1
  const user = await world.admin.registerUser({ name: name.toLowerCase(), displayName: name })
  await world.admin.join(user, world.indoc)
  const email = `${name.toLowerCase()}${number}@riverbend.test`
  return {
    user,
    userId: user.userId,
    email,
    command: (more = '') =>
      `!adduser ${name} Lovelace --email ${email} --matrix ${user.userId} --interests "hiking" --organization "Analytical Engines" --invited-by Mo ${more}`.trim(),
  }
}

/** The accounts with an address. */
export const accountsOf = (world: World, email: string): readonly UserRecord[] =>
  Array.from(world.authentik.state.users.values()).filter((user) => user.email === email)

export const groupNames = (world: World, account: UserRecord | undefined): readonly (string | undefined)[] =>
  Array.from(account?.groups ?? [], (pk) => world.authentik.state.groups.get(pk)?.name)

/** The direct rooms that the bot has ever offered to somebody. */
export const directRooms = (world: World, userId: string): readonly string[] => [
  ...new Set(
    world.admin.database
      .events({ sender: world.botId, type: 'm.room.member', stateKey: userId })
      .filter((event) => event.content.membership === 'invite' && event.content.is_direct === true)
      .map((event) => event.room_id),
  ),
]

export const untilOffered = async (world: World, userId: string): Promise<string> =>
  await eventually(`a direct chat is offered to ${userId}`, () => directRooms(world, userId)[0])

export const membershipOf = (world: World, roomId: string, userId: string): string | undefined =>
  world.admin.database.memberships(roomId).get(userId)

/** Waits until the bot has taken somebody out of INDOC. */
export const untilGraduated = async (world: World, userId: string): Promise<void> => {
  await eventually(`${userId} is taken out of INDOC`, () => (membershipOf(world, world.indoc, userId) === 'leave' ? true : undefined))
}

/** Waits for the final answer: progress messages are replies too. */
export const finalAnswer = async (world: World, roomId: string, eventId: string, timeoutMs = patience): Promise<SeenMessage> =>
  await world.moderator.waitForMessage(
    roomId,
    { sender: world.botId, replyTo: eventId, fits: (message) => !message.body.startsWith('⏳') },
    timeoutMs,
  )

/** The newest job of a kind for somebody. */
export const jobOf = (
  world: World,
  kind: string,
  userId: string,
): { readonly state: string; readonly last_error: string | null } | undefined =>
  world.query<{ state: string; last_error: string | null }>(
    'SELECT state, last_error FROM job WHERE kind = ? AND unique_key = ? ORDER BY job_id DESC LIMIT 1',
    kind,
    userId,
  )[0]

export const everyFile = (directory: string): readonly string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)

/** In which of the bot's files (its data and its log) a text stands. */
export const filesWith = (world: World, text: string): readonly string[] =>
  [world.files.logFile, ...everyFile(world.files.dataDir)].filter((path) => readFileSync(path).includes(text))

/** Messages of the bot to a room, for what is to happen to such a request. */
export const sendTo = (roomId: string): Rule['match'] => ({
  method: 'PUT',
  path: new RegExp(`/rooms/${encodeURIComponent(roomId).replaceAll('.', '\\.')}/send/m\\.room\\.encrypted/`),
})

/** Waits until it is known who is in INDOC: an inviter is somebody of the community. */
export const untilMembersKnown = async (world: World): Promise<void> => {
  await eventually(
    'the members of INDOC are known',
    () => world.query('SELECT 1 FROM room WHERE room_id = ? AND baseline_at IS NOT NULL', world.indoc)[0],
  )
}
