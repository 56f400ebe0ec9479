import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { encryptedRoom, openAnyEngine } from '../../tests/support/bot-engine.ts'
import { KeyServer, Peer } from '../../tests/support/key-server.ts'
import { Database } from '../database/database.ts'
import { migrate } from '../database/migrate.ts'
import type { JsonObject, RoomId } from '../types.ts'
import { placeInSession } from './megolm-index.ts'
import type { RoomEncryption } from './port.ts'
import type { Engine } from './engine.ts'

// A disk that acknowledged commits and then lost them (power cut, a cache that lies), at many places of the write-ahead log
// (https://www.sqlite.org/fileformat2.html#walformat: header of 32 bytes, frames of 24 bytes and a page).

const server = new KeyServer()

/** Opens the engine on a file, does the work, and closes it. */
const withEngine = async <T>(file: string, work: (engine: Engine, database: Database) => Promise<T>): Promise<T> => {
  const database = Database.open(file)
  migrate(database)
  const { engine, close } = await openAnyEngine({ server, database, onForeignKeys: () => undefined })
  try {
    return await work(engine, database)
  } finally {
    await close()
    database.close()
  }
}

const rooms = ['!one:x', '!two:x'] as RoomId[]
const room = (roomId: RoomId): RoomEncryption => encryptedRoom(roomId, ['@ada:x'], { rotationMessages: 12 })
const say = async (engine: Engine, roomId: RoomId): Promise<JsonObject> => {
  const made = await engine.encrypt(roomId, () => room(roomId), 'm.room.message', { msgtype: 'm.text', body: 'hello' })
  if (!made.ok) throw new Error(made.words)
  return made.content
}
/** Session and index, as one text. */
const placeOf = (content: JsonObject): string => {
  const place = placeInSession({ content })
  if (place === undefined) throw new Error('no Megolm message')
  return `${place.sessionId} ${place.index}`
}

test('the log cut at 120 places: no place in a session is used twice', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-wal-'))
  const [file, copy] = [join(folder, 'gatehouse.db'), join(folder, 'cut.db')]
  try {
    const ada = await Peer.make(server, '@ada:x', 'ADA')
    const sent = new Set<string>()
    const lastOf = new Map<RoomId, JsonObject>()
    /** How long the log was after each message of the first room. */
    const lengths: number[] = []
    await withEngine(file, async (engine, database) => {
      await engine.flushOutgoing()
      // From here on everything stays in the log.
      database.connection.pragma('wal_checkpoint(TRUNCATE)')
      database.connection.pragma('wal_autocheckpoint = 0')
      for (let count = 0; count < 20; count += 1)
        for (const roomId of rooms) {
          const content = await say(engine, roomId)
          sent.add(placeOf(content))
          lastOf.set(roomId, content)
          if (roomId === rooms[0]) lengths.push(statSync(`${file}-wal`).size)
        }
      copyFileSync(file, join(folder, 'base.db'))
      copyFileSync(`${file}-wal`, join(folder, 'base.db-wal'))
    })
    expect(sent.size).toBe(40)
    for (const [roomId, content] of lastOf) expect(await ada.reads(roomId, content)).toBe('hello')

    const log = readFileSync(join(folder, 'base.db-wal'))
    const frame = 24 + log.readUInt32BE(8)
    const frames = Math.floor((log.length - 32) / frame)
    expect(frames).toBeGreaterThan(100)
    // The end of 100 frames, and the middle of 20 others: from nothing of the log to all of it.
    const ends = Array.from({ length: 100 }, (_, step) => 32 + Math.round((step * frames) / 99) * frame)
    const middles = Array.from({ length: 20 }, (_, step) => 32 + Math.floor(((step + 0.5) * frames) / 20) * frame + 24 + 1000)
    expect(new Set([...ends, ...middles]).size).toBe(120)

    const cutAt = (length: number): void => {
      for (const end of ['-shm', '-wal', '']) rmSync(`${copy}${end}`, { force: true })
      copyFileSync(join(folder, 'base.db'), copy)
      writeFileSync(`${copy}-wal`, log.subarray(0, length))
    }
    for (const cut of [...ends, ...middles]) {
      cutAt(cut)
      const places = await withEngine(copy, async (engine) => {
        const [one, two] = rooms as [RoomId, RoomId]
        return [await say(engine, one), await say(engine, two), await say(engine, one)].map(placeOf)
      })
      expect(new Set(places).size).toBe(3)
      for (const place of places) {
        expect(sent.has(place), `cut at byte ${cut} of ${log.length}`).toBe(false)
        sent.add(place)
      }
    }

    // What the engine does without our rule: it goes on in the session that it finds, and the test sees that.
    for (const count of [1, 5, 9]) {
      cutAt(lengths[count] ?? 0)
      const place = await withEngine(copy, async ({ binding }) =>
        placeOf(JSON.parse(await binding.encrypt(rooms[0] as RoomId, 'm.room.message', '{"body":"hello"}')) as JsonObject),
      )
      expect(sent.has(place)).toBe(true)
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
