import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { startDemo, type Demo } from '../tests/demo/environment.ts'
import { logIn } from '../tests/support/homeserver/admin.ts'
import type { LoggedRequest } from '../tests/support/homeserver/request-log.ts'
import { LightCrypto } from '../tests/support/people/light-crypto.ts'
import { startLightUser } from '../tests/support/people/light.ts'
import { Asker } from './asker.ts'
import { matrixRequests, untilQuiet } from './quiet.ts'
import { machineOf } from './report.ts'
import { tableOf, writeResult } from './table.ts'

const sizes = [50, 500] as const
/** How many people are made at the same time. */
const width = 4

/** What one encrypted message of the bot cost. */
interface Cost {
  readonly requests: readonly LoggedRequest[]
  /** Devices that were sent the room key. */
  readonly keys: number
}

/** What belongs to an encrypted send; signs of life (read receipts, typing) come with any message and are left out. */
const ofSending = /\/keys\/(?:query|claim|upload)$|\/sendToDevice\/|\/send\/m\.room\.encrypted\//

/** Somebody with one device that has keys. Reads nothing, so that measuring is not disturbed. */
const addMember = async (demo: Demo): Promise<void> => {
  const { admin, homeserver, rooms } = demo
  const user = await admin.registerUser({ name: 'crowd' })
  const login = await logIn(homeserver.url, user.localpart, user.password)
  const crypto = await LightCrypto.open(login.userId, login.deviceId, async (method, path, body) => {
    const answer = await fetch(`${homeserver.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${login.accessToken}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 200)}`)
    return text
  })
  crypto.close()
  await admin.join(user, rooms.indoc)
}

/** Fills INDOC up to a number of members. */
const fill = async (demo: Demo, members: number): Promise<void> => {
  let missing =
    members - [...demo.admin.database.memberships(demo.rooms.indoc).values()].filter((membership) => membership === 'join').length
  const work = async (): Promise<void> => {
    while (missing > 0) {
      missing -= 1
      await addMember(demo)
    }
  }
  await Promise.all(Array.from({ length: width }, work))
}

const keysIn = ({ body }: LoggedRequest): number => {
  const { messages = {} } = JSON.parse(body ?? '{}') as { readonly messages?: Readonly<Record<string, object>> }
  return Object.values(messages).reduce((sum, devices) => sum + Object.keys(devices).length, 0)
}

/** Asks once in INDOC, and counts what the answer cost. */
const costOfAnswer = async (demo: Demo, asker: Asker): Promise<Cost> => {
  await untilQuiet(demo)
  demo.proxy.requests.clear()
  await asker.ask(demo.rooms.indoc, '!ping')
  await untilQuiet(demo)
  const requests = matrixRequests(demo).filter(({ path }) => ofSending.test(path))
  const keys = requests
    .filter(({ path }) => path.includes('/sendToDevice/m.room.encrypted/'))
    .reduce((sum, request) => sum + keysIn(request), 0)
  return { requests, keys }
}

const kilobytes = (bytes: number): string => `${(bytes / 1024).toFixed(bytes < 10_240 ? 1 : 0)} KiB`

const lineOf = (members: number, what: string, { requests, keys }: Cost): readonly string[] => {
  const ends = requests.map(({ at, ms }) => at + ms)
  const seconds = (Math.max(...ends) - Math.min(...requests.map(({ at }) => at))) / 1000
  const sent = requests.reduce((sum, { body }) => sum + Buffer.byteLength(body ?? ''), 0)
  const received = requests.reduce((sum, { bytes }) => sum + bytes, 0)
  const kinds = Map.groupBy(requests, ({ path }) => /keys\/\w+|sendToDevice|send(?=\/m\.room)/.exec(path)?.[0] ?? path)
  const detail = [...kinds].map(([kind, list]) => `${list.length} ${kind}`).join(', ')
  return [
    String(members),
    what,
    `${requests.length} (${detail})`,
    String(keys),
    kilobytes(sent),
    kilobytes(received),
    `${seconds.toFixed(2)} s`,
  ]
}

/** One community of a size: the first answer of a bot that has never written, the second, and the one after somebody has left. */
const measureSize = async (
  members: number,
  say: (line: string) => void,
): Promise<{ readonly lines: readonly (readonly string[])[]; readonly machine: string }> => {
  await using started = new AsyncDisposableStack()
  const dir = mkdtempSync(`${tmpdir()}/gatehouse-bench-`)
  started.defer(() => rmSync(dir, { recursive: true, force: true }))
  const demo = await startDemo({
    profile: 'own-server',
    dir,
    rooms: [],
    members: 1,
    authentik: { seed: { people: 0, groups: ['Members'] } },
    bot: { start: false },
    recordBodies: true,
  })
  started.defer(async () => await demo.stop())
  say(`Making people, until INDOC has ${members} members …`)
  const leaver = await demo.admin.registerUser({ name: 'leaver' })
  await demo.admin.join(leaver, demo.rooms.indoc)
  await fill(demo, members)
  await demo.bot.start()
  const asker = new Asker(await startLightUser({ url: demo.homeserver.url }, { user: demo.users.moderator, crossSign: true }))
  started.defer(async () => await asker.user.stop())
  // The asker's own first message goes to everybody too. It is sent before anything is measured.
  await asker.user.sendText(demo.rooms.indoc, 'Hello everybody')
  const first = await costOfAnswer(demo, asker)
  const second = await costOfAnswer(demo, asker)
  await demo.admin.as(leaver)('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(demo.rooms.indoc)}/leave`, {})
  const third = await costOfAnswer(demo, asker)
  const lines = [lineOf(members, 'first message', first), lineOf(members, 'second', second), lineOf(members, 'after somebody left', third)]
  for (const line of lines) say(line.join(' · '))
  return { lines, machine: machineOf(demo.homeserver.databaseFile) }
}

const head = ['members', 'message', 'requests', 'keys sent', 'bytes out', 'bytes in', 'from the first request to the sent message']

/**
 * `npm run bench -- --encryption`: what the first encrypted message into a room costs, and the next ones.
 * @param write puts the table into `bench/README.md`
 * @throws Error when a server or the bot does not come up
 */
export const benchEncryption = async (options: { readonly write: boolean; readonly say: (line: string) => void }): Promise<void> => {
  const lines: (readonly string[])[] = []
  let machine = ''
  for (const size of sizes) {
    const found = await measureSize(size, options.say)
    lines.push(...found.lines)
    machine = found.machine
  }
  const table = tableOf(head, lines)
  console.log(table)
  if (options.write) writeResult('encryption', [new Date().toISOString().slice(0, 10), machine], table)
}
