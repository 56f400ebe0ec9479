import { DeviceId, initAsync, OlmMachine, UserId } from '@matrix-org/matrix-sdk-crypto-wasm'
import { Pool } from 'undici'
import { startLightUser } from '../tests/support/people/light.ts'

/*
 * The floor, a process of its own: the least that a client can do. It reads a message, encrypts an answer and sends it; nothing is parsed, looked up,
 * checked or kept. Its parent tells it over IPC what to be, and ends it by closing the channel.
 */

/** What the parent sends first. */
export type FloorRole =
  | /** The encrypted echo. */ {
      readonly be: 'echo'
      readonly url: string
      readonly user: { readonly localpart: string; readonly password: string }
    }
  | /** Starts, reads what was said since a sync position in a room without encryption, and answers it: the floor of a start. */ {
      readonly be: 'starter'
      readonly url: string
      readonly userId: string
      readonly accessToken: string
      readonly since: string
    }

/** The requests of an arrival that cannot be made at the same time: look the account up, make it, invite to a room. The answer is the fourth. */
export interface Chain {
  readonly authentik: { readonly url: string; readonly token: string }
  readonly matrix: { readonly url: string; readonly accessToken: string }
  readonly username: string
  readonly name: string
  readonly userId: string
  readonly roomId: string
}

/** What the parent may send to the echo later. */
export type FloorOrder = { readonly order: 'cpu' } | { readonly order: 'chain'; readonly chain: Chain }
export type FloorWord = { readonly word: 'ready' } | { readonly word: 'cpu'; readonly seconds: number } | { readonly word: 'chain' }

const say = (word: FloorWord): void => void process.send?.(word)

const pools = new Map<string, Pool>()

const call = async (url: string, token: string, method: 'GET' | 'POST' | 'PUT', path: string, body?: unknown): Promise<unknown> => {
  const pool = pools.get(url) ?? new Pool(url, { connections: 8 })
  pools.set(url, pool)
  const answer = await pool.request({
    method,
    path,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.body.text()
  if (answer.statusCode >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

const runChain = async ({ authentik, matrix, username, name, userId, roomId }: Chain): Promise<void> => {
  await call(authentik.url, authentik.token, 'GET', `/api/v3/core/users/?username=${username}`)
  await call(authentik.url, authentik.token, 'POST', '/api/v3/core/users/', { username, name, path: 'users', attributes: {} })
  const invite = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/invite`
  await call(matrix.url, matrix.accessToken, 'POST', invite, { user_id: userId })
}

const echo = async ({ url, user }: Extract<FloorRole, { be: 'echo' }>): Promise<void> => {
  const self = await startLightUser({ url }, { user, crossSign: true })
  let chain: Chain | undefined
  const answer = async (roomId: string, replyTo: string, asked: string): Promise<void> => {
    if (asked === '!chain' && chain !== undefined) await runChain(chain)
    await self.sendText(roomId, 'pong', { replyTo, notice: true })
  }
  self.onMessage(({ roomId, eventId, body }) => {
    if (body === '!floor' || body === '!chain') void answer(roomId, eventId, body)
  })
  process.on('message', (order: FloorOrder) => {
    if (order.order === 'cpu') {
      const { user: own, system } = process.cpuUsage()
      say({ word: 'cpu', seconds: (own + system) / 1e6 })
      return
    }
    ;({ chain } = order)
    say({ word: 'chain' })
  })
  say({ word: 'ready' })
}

const start = async ({ url, userId, accessToken, since }: Extract<FloorRole, { be: 'starter' }>): Promise<void> => {
  // The engine is loaded and has keys, as it would have to; that they are new is what keeps this client from needing a store.
  await initAsync()
  await OlmMachine.initialize(new UserId(userId), new DeviceId('STARTER'))
  const filter = encodeURIComponent(JSON.stringify({ presence: { not_types: ['*'] }, account_data: { not_types: ['*'] } }))
  const path = `/_matrix/client/v3/sync?timeout=0&filter=${filter}&since=${encodeURIComponent(since)}`
  const { rooms } = (await call(url, accessToken, 'GET', path)) as {
    readonly rooms?: {
      readonly join?: Record<string, { timeline: { events: { event_id: string; sender: string; content: { body?: string } }[] } }>
    }
  }
  for (const [roomId, { timeline }] of Object.entries(rooms?.join ?? {})) {
    for (const { event_id, content } of timeline.events) {
      if (content.body !== '!floor') continue
      const send = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/send/m.room.message/${crypto.randomUUID()}`
      const reply = { msgtype: 'm.notice', body: 'pong', 'm.mentions': {}, 'm.relates_to': { 'm.in_reply_to': { event_id } } }
      await call(url, accessToken, 'PUT', send, reply)
    }
  }
}

process.once('disconnect', () => process.exit(0))
process.once('message', (role: FloorRole) => {
  void (role.be === 'echo' ? echo(role) : start(role))
})
