import { mkdirSync } from 'node:fs'
import { freePort } from '../support/free-port.ts'
import { createStandIn, type StandIn, type StandInOptions } from '../support/authentik/stand-in.ts'
import { openAdmin, type Admin } from '../support/homeserver/admin.ts'
import { startProxy, strangerRules, type Proxy } from '../support/homeserver/proxy.ts'
import { startSynapse, type HomeserverCoordinates, type Synapse } from '../support/homeserver/synapse.ts'
import { startPeople, type People } from '../support/people/people.ts'
import { BotProcess } from './bot-process.ts'
import { writeFiles, type Files } from './files.ts'
import { createRooms, createRoomWith, usualRooms, type DemoRoom, type RoomPlan } from './rooms.ts'
import { registerUsers, type Users } from './users.ts'

export type Profile = 'own-server' | 'stranger'

export interface DemoOptions {
  readonly profile: Profile
  /** Absolute path of a folder for the bot's files; what an earlier run left there is deleted. */
  readonly dir: string
  /** Instead of the demo's own community. */
  readonly rooms?: readonly RoomPlan[]
  /** People without a role. Default 5. */
  readonly members?: number
  readonly authentik?: StandInOptions
  readonly bot?: {
    /** Further `GATEHOUSE_…` variables of the bot. */
    readonly env?: Readonly<Record<string, string>>
    /** More of them, which depend on what was made on the server; it may make more there. */
    readonly envOf?: (made: Pick<Demo, 'admin' | 'users' | 'rooms' | 'homeserver'>) => Promise<Readonly<Record<string, string>>>
    /** False: the caller starts it. Default true. */
    readonly start?: boolean
    /** False: the bot speaks to Synapse itself, not through `proxy`. Not for the stranger, whose proxy hides what he may not use. Default true. */
    readonly proxied?: boolean
  }
  /** A server that runs already (of the same profile): users and aliases get a random ending there. */
  readonly homeserver?: HomeserverCoordinates
  /** Keys of Synapse's configuration that replace ours. */
  readonly overrides?: Readonly<Record<string, unknown>>
  /** Keeps the bodies of the bot's requests in `proxy.requests`. Default false. */
  readonly recordBodies?: boolean
  readonly say?: (line: string) => void
}

/** A running community with its bot. */
export interface Demo {
  readonly profile: Profile
  readonly dir: string
  readonly homeserver: HomeserverCoordinates
  /** The server itself, where this demo started it. */
  readonly synapse: Synapse | undefined
  /** Preparations on the server as its admin, and its database. */
  readonly admin: Admin
  /** Between the bot and Synapse. */
  readonly proxy: Proxy
  readonly authentik: StandIn
  readonly users: Users
  readonly rooms: {
    readonly indoc: string
    readonly admin: string
    readonly catalogue: readonly DemoRoom[]
    /** The id of a room by its name. */
    id(name: string): string
  }
  readonly files: Files
  readonly bot: BotProcess
  /** People with real encrypted clients: `people.join({ user: users.moderator })`. */
  readonly people: People
  stop(): Promise<void>
}

/**
 * Starts a homeserver, an Authentik stand-in, a community on them and the bot as a process of its own, all on loopback. Everything ends with
 * `stop`, and also when this process ends without it.
 * @throws HomeserverSetupError when Synapse cannot be had (the message names the fix), Error when the bot does not come up
 */
export const startDemo = async (options: DemoOptions): Promise<Demo> => {
  const { profile, dir, say = () => undefined } = options
  await using started = new AsyncDisposableStack()
  mkdirSync(dir, { recursive: true, mode: 0o700 })

  let synapse: Synapse | undefined
  if (options.homeserver === undefined) {
    say(`Starting a Synapse homeserver on 127.0.0.1 (${profileWords[profile]}) …`)
    const own = await startSynapse({ profile, say, ...(options.overrides === undefined ? {} : { overrides: options.overrides }) })
    started.defer(async () => await own.stop())
    synapse = own
  }
  const homeserver = options.homeserver ?? synapse?.coordinates
  if (homeserver === undefined) throw new Error('there is no homeserver')
  const admin = await openAdmin(homeserver)
  started.defer(() => admin.close())
  const proxy = await startProxy({
    target: homeserver.url,
    standing: profile === 'stranger' ? strangerRules : [],
    recordBodies: options.recordBodies === true,
  })
  started.defer(async () => await proxy.stop())

  say('Starting the stand-in for Authentik …')
  const authentik = await createStandIn({
    ...options.authentik,
    seed: { people: 40, groups: ['Members', 'Hikers'], ...options.authentik?.seed },
  })
  started.defer(async () => await authentik.close())

  const plans = options.rooms ?? usualRooms
  const suffix = options.homeserver === undefined ? '' : `-${crypto.randomUUID().slice(0, 8)}`
  say(`Registering people and making the INDOC room, the admin room and ${plans.length} rooms for the catalogue …`)
  const users = await registerUsers(admin, profile, suffix, options.members ?? 5)
  const rooms = await settle(admin, users, plans, suffix)

  const healthPort = await freePort()
  const files = writeFiles({
    dir,
    profile,
    homeserverUrl: profile === 'own-server' && options.bot?.proxied === false ? homeserver.url : proxy.url,
    authentik,
    bot: users.bot,
    rooms,
    admins: [users.admin.userId],
    moderators: [users.moderator.userId, users.freshModerator.userId],
    healthPort,
    env: { ...options.bot?.env, ...(await options.bot?.envOf?.({ admin, users, rooms: roomsById(rooms), homeserver })) },
  })
  const bot = new BotProcess({ ...files, health: `http://127.0.0.1:${healthPort}` })
  started.defer(async () => void (await bot.stop()))
  const people = startPeople({ url: homeserver.url })
  started.defer(async () => await people.stop())
  if (options.bot?.start !== false) {
    say('Starting the bot …')
    await bot.start()
    say(`The bot is ready: ${users.bot.userId}, process ${bot.pid}, log in ${files.logFile}`)
  }

  const running = started.move()
  return {
    profile,
    dir,
    get homeserver() {
      return synapse?.coordinates ?? homeserver
    },
    synapse,
    admin,
    proxy,
    authentik,
    users,
    rooms: roomsById(rooms),
    files,
    bot,
    people,
    stop: async () => await running.disposeAsync(),
  }
}

const profileWords: Readonly<Record<Profile, string>> = {
  'own-server': "the bot's own server: it is a server admin there, and no rate limits hold for it",
  stranger: "somebody else's server: default rate limits, tokens that expire after 5 minutes, no admin rights",
}

/** Makes the rooms and brings everybody to their places: newcomers are in INDOC only. */
const settle = async (
  admin: Admin,
  users: Users,
  plans: readonly RoomPlan[],
  suffix: string,
): Promise<{ readonly indoc: string; readonly admin: string; readonly catalogue: readonly DemoRoom[] }> => {
  const { bot, moderator, freshModerator, newcomer, freshNewcomer, members } = users
  const moderators = [moderator, freshModerator]
  const power = { [bot.userId]: 100, [moderator.userId]: 50, [freshModerator.userId]: 50 }
  const indoc = await createRoomWith(admin, users.admin, [bot, ...moderators, newcomer, freshNewcomer], {
    name: 'INDOC',
    topic: 'Newcomers arrive here',
    alias: `indoc${suffix}`,
    encrypted: true,
    public: true,
    power,
  })
  const adminRoom = await createRoomWith(admin, users.admin, [bot, ...moderators], {
    name: 'Gatehouse admin',
    topic: 'For moderators and the bot',
    alias: `gatehouse-admin${suffix}`,
    encrypted: true,
    joinRule: 'invite',
    power,
  })
  const catalogue = await createRooms(
    admin,
    plans,
    { creator: users.admin, bot, crowd: { moderators, members, residents: members.slice(1) } },
    suffix,
  )
  return { indoc, admin: adminRoom, catalogue }
}

const roomsById = (rooms: Omit<Demo['rooms'], 'id'>): Demo['rooms'] => ({
  ...rooms,
  id: (name) => {
    const room = rooms.catalogue.find((one) => one.name === name)
    if (room === undefined) throw new Error(`there is no room ${name} in the demo`)
    return room.roomId
  },
})
