import { randomUUID } from 'node:crypto'
import type { Admin, User } from './homeserver/admin.ts'
import { startLightUser, type LightUser } from './people/light.ts'

/** Somebody on the other side, as the bridge shows them. */
export interface Ghost {
  readonly user: User
  readonly userId: string
  readonly name: string
  readonly identifier: string
}

/** What the bridge does when it is asked to open a chat. */
export type Manner = 'opens' | 'refuses' | 'is silent'

/** A bridge as communities run them: a bot, its ghosts, and a room where the bot takes commands. All encryption is the bot's. */
export interface FakeBridge {
  readonly bot: LightUser
  readonly managementRoom: string
  /** The entry of `bridges` in Gatehouse's configuration, as the environment takes it. */
  readonly configuration: string
  /** What it was asked, in order. */
  readonly asked: readonly string[]
  manner: Manner
  /** Are the chats that it opens encrypted? Default true. */
  encrypts: boolean
  /** The chats that it has opened, by the ghost's id. */
  readonly portals: ReadonlyMap<string, string>
  newGhost(name: string): Promise<Ghost>
  /** The bridge's bot and a ghost come into a room. */
  bring(ghost: Ghost, roomId: string): Promise<void>
  /** Somebody on the other side writes. Answers with the event id. */
  say(ghost: Ghost, roomId: string, body: string): Promise<string>
  stop(): Promise<void>
}

/**
 * Starts a bridge to a made-up network.
 * @param gatehouse user id of the bot that it serves
 */
export const startFakeBridge = async (admin: Admin, gatehouse: string): Promise<FakeBridge> => {
  const mark = randomUUID().slice(0, 8)
  const password = randomUUID()
  const localpart = `signalbot-${mark}`
  const account = await admin.registerUser({ localpart, displayName: 'Signal bridge bot', password })
  const bot = await startLightUser({ url: admin.homeserver.url }, { user: { localpart, password }, crossSign: true })
  const managementRoom = await admin.createRoom(account, { name: 'Signal bridge', encrypted: true, invite: [gatehouse] })
  await bot.join(managementRoom)
  const prefix = `signal_${mark}_`
  const ghosts = new Map<string, Ghost>()
  const portals = new Map<string, string>()
  const asked: string[] = []

  const open = async (ghost: Ghost): Promise<string> => {
    const known = portals.get(ghost.userId)
    if (known !== undefined) return known
    const roomId = await admin.createRoom(account, {
      name: `${ghost.name} (Signal)`,
      encrypted: bridge.encrypts,
      invite: [ghost.userId, gatehouse],
    })
    await admin.join(ghost.user, roomId)
    portals.set(ghost.userId, roomId)
    return roomId
  }
  const answer = async (roomId: string, eventId: string, body: string): Promise<void> => {
    asked.push(body)
    if (bridge.manner === 'is silent') return
    const ghost = ghosts.get(/^!signal start-chat (\S+)$/.exec(body)?.[1] ?? '')
    const text = ghost === undefined || bridge.manner === 'refuses' ? 'Failed to start chat: not on Signal' : 'Created chat'
    if (ghost !== undefined && bridge.manner === 'opens') await open(ghost)
    await bot.sendText(roomId, text, { replyTo: eventId, notice: true })
  }
  bot.onMessage((message) => {
    if (message.roomId !== managementRoom || message.sender !== gatehouse) return
    answer(message.roomId, message.eventId, message.body).catch((error: unknown) => failures.push(error))
  })
  const failures: unknown[] = []

  const bridge: FakeBridge = {
    bot,
    managementRoom,
    configuration: JSON.stringify([
      { users: `^@${prefix}`, bot: bot.userId, managementRoom, startChat: '!signal start-chat {identifier}' },
    ]),
    asked,
    manner: 'opens',
    encrypts: true,
    portals,
    newGhost: async (name) => {
      const identifier = randomUUID().slice(0, 12)
      const user = await admin.registerUser({ localpart: prefix + identifier, displayName: name })
      const ghost = { user, userId: user.userId, name, identifier }
      ghosts.set(identifier, ghost)
      return ghost
    },
    bring: async (ghost, roomId) => {
      await bot.join(roomId)
      await admin.join(ghost.user, roomId)
    },
    say: async (ghost, roomId, body) => await bot.sendTextAs(ghost.user, roomId, body),
    stop: async () => {
      await bot.stop()
      if (failures.length > 0) throw new AggregateError(failures, 'the bridge could not answer')
    },
  }
  return bridge
}
