import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { BotProcess } from '../tests/demo/bot-process.ts'
import { startDemo, type Demo } from '../tests/demo/environment.ts'
import { createRoomWith, type RoomPlan } from '../tests/demo/rooms.ts'
import type { User } from '../tests/support/homeserver/admin.ts'
import { startLightUser } from '../tests/support/people/light.ts'
import { Asker } from './asker.ts'
import { FloorProcess } from './floor-process.ts'
import { untilQuiet } from './quiet.ts'

/** The rooms of the catalogue; with INDOC and the admin room the bot is in ten. */
const plans: readonly RoomPlan[] = ['Lobby', 'Hiking', 'Cycling', 'Gardening', 'Music', 'Kitchen', 'Tech', 'Letters'].map((name) => ({
  name,
  category: 'community',
  keywords: [name.toLowerCase()],
  people: ['moderators', 'members'],
}))

/** A server with a community, the bot, the floor and somebody who asks both. */
export interface Town {
  readonly demo: Demo
  readonly asker: Asker
  /** Where the floor answers: encrypted, with as many people as the admin room. */
  readonly floorRoom: string
  /** Where a floor that has just started answers: not encrypted. */
  readonly clearRoom: string
  readonly floor: FloorProcess
  readonly floorUser: User
  /** As whom a floor is started whose start is measured. */
  readonly starter: User
  /** The bot that runs now. */
  readonly bot: BotProcess
  /** Ends the bot and starts it again. @param proxied its requests to the homeserver pass the proxy, which counts them */
  switchBot(proxied: boolean): Promise<void>
  /** Waits until neither server has heard of the bot for a while; only with a proxied bot. */
  quiet(): Promise<void>
  /** Makes rooms that the bot is in. The bot should be down. */
  addRooms(count: number): Promise<void>
  /** A number from the bot's `/metrics`. */
  readonly metric: (name: string) => Promise<number>
  stop(): Promise<void>
}

/** Starts everything: Synapse with its database in memory where there is room, without rate limits. The bot speaks to it directly. */
export const startTown = async (say: (line: string) => void): Promise<Town> => {
  await using started = new AsyncDisposableStack()
  const dir = mkdtempSync(`${tmpdir()}/gatehouse-bench-`)
  started.defer(() => rmSync(dir, { recursive: true, force: true }))
  const demo = await startDemo({
    profile: 'own-server',
    dir,
    rooms: plans,
    members: 2,
    authentik: { seed: { people: 40, groups: ['Members'] } },
    // What INDOC asks of everybody who comes is no part of a command's cost.
    bot: { start: false, proxied: false, env: { GATEHOUSE_INTRODUCTION_PROMPT: 'false' } },
    say,
  })
  started.defer(async () => await demo.stop())
  const { admin, users, homeserver } = demo
  const { url } = homeserver
  const floorUser = await admin.registerUser({ localpart: 'floor', displayName: 'Floor' })
  const starter = await admin.registerUser({ localpart: 'starter', displayName: 'Starter' })
  const others = [floorUser, users.moderator, users.freshModerator]
  const floorRoom = await createRoomWith(admin, users.admin, others, { name: 'Floor', encrypted: true, joinRule: 'invite' })
  const clearRoom = await createRoomWith(admin, users.admin, [starter, users.moderator], { name: 'Clear floor', joinRule: 'invite' })
  // The floor invites people too.
  for (const { roomId } of demo.rooms.catalogue) {
    await admin.as(users.admin)('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/invite`, { user_id: floorUser.userId })
    await admin.join(floorUser, roomId)
  }
  const asker = new Asker(await startLightUser({ url }, { user: users.moderator, crossSign: true }))
  started.defer(async () => await asker.user.stop())
  const floor = FloorProcess.start({ be: 'echo', url, user: floorUser })
  started.defer(async () => await floor.stop())
  await floor.ready()
  const direct = new BotProcess(demo.bot)
  const counted = new BotProcess({
    configFile: demo.bot.configFile,
    dataDir: demo.bot.dataDir,
    logFile: demo.bot.logFile,
    health: demo.bot.health,
    env: { ...demo.bot.env, GATEHOUSE_HOMESERVER_URL: demo.proxy.url },
  })
  started.defer(async () => {
    await Promise.all([direct.stop(), counted.stop()])
  })
  say('Starting the bot …')
  await direct.start()

  let bot = direct
  const running = started.move()
  return {
    demo,
    asker,
    floorRoom,
    clearRoom,
    floor,
    floorUser,
    starter,
    get bot() {
      return bot
    },
    switchBot: async (proxied) => {
      await bot.stop()
      bot = proxied ? counted : direct
      await bot.start()
    },
    quiet: async () => await untilQuiet(demo),
    addRooms: async (count) => {
      const names = Array.from({ length: count }, (_, index) => `Room ${index + 1}`)
      const one = async (): Promise<void> => {
        for (let name = names.pop(); name !== undefined; name = names.pop()) {
          const roomId = await admin.createRoom(users.admin, { name, encrypted: true, invite: [users.bot.userId] })
          await admin.join(users.bot, roomId)
        }
      }
      await Promise.all([one(), one(), one()])
    },
    metric: async (name) => {
      const text = await (await fetch(`${bot.health}/metrics`)).text()
      const line = text.split('\n').find((one) => one.startsWith(`${name} `))
      if (line === undefined) throw new Error(`the bot has no metric ${name}`)
      return Number(line.slice(name.length + 1))
    },
    stop: async () => await running.disposeAsync(),
  }
}
