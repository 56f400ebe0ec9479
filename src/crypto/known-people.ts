import { z } from 'zod'
import type { Database } from '../database/database.ts'
import type { DeviceId, UserId } from '../types.ts'
import { deviceIn, identityIn } from './signed-keys.ts'
import type { PublicDevice, PublicIdentity } from './signed-keys.ts'

/** What is known of a person's keys. */
interface Person {
  readonly identity: PublicIdentity | undefined
  readonly devices: readonly PublicDevice[]
}

const answer = z.object({
  device_keys: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
  master_keys: z.record(z.string(), z.unknown()).optional(),
  self_signing_keys: z.record(z.string(), z.unknown()).optional(),
})
const stored = z.object({
  identity: z.object({ masterKey: z.string(), selfSigningKey: z.string() }).optional(),
  devices: z.array(
    z.object({
      deviceId: z.custom<DeviceId>((value) => typeof value === 'string'),
      ed25519: z.string(),
      curve25519: z.string(),
      name: z.string().optional(),
      signed: z.boolean(),
    }),
  ),
})

const own = (record: Readonly<Record<string, unknown>> | undefined, name: string): unknown =>
  record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined

/**
 * Public keys of people from the answers of `/keys/query`, checked here: for a library that knows them but does not tell. Like the library it keeps
 * an identity until another one is shown that fits together, and a device's keys for as long as the device is there.
 */
export class KnownPeople {
  readonly #database: Database
  readonly #area: number
  readonly #get
  readonly #put

  /** @param name of the store, in which the people have an area of their own */
  constructor(database: Database, name: string) {
    this.#database = database
    const { connection } = database
    const row = [name, 'people', ''] as const
    connection.prepare('INSERT INTO crypto_area (database, store, index_name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING').run(...row)
    const area: unknown = connection
      .prepare('SELECT id FROM crypto_area WHERE database = ? AND store = ? AND index_name = ?')
      .pluck()
      .get(...row)
    this.#area = z.number().parse(area)
    this.#get = connection.prepare<[number, Buffer], Buffer>('SELECT value FROM crypto_record WHERE area = ? AND key = ?').pluck()
    this.#put = connection.prepare<[number, Buffer, Buffer]>(
      'INSERT INTO crypto_record (area, key, value) VALUES (?, ?, ?) ON CONFLICT (area, key) DO UPDATE SET value = excluded.value',
    )
  }

  /** What is known of a person; nobody known has no devices. */
  of(userId: UserId): Person {
    const value = this.#get.get(this.#area, Buffer.from(userId))
    if (value === undefined) return { identity: undefined, devices: [] }
    const { identity, devices } = stored.parse(JSON.parse(value.toString()))
    return { identity, devices: devices.map((device) => ({ ...device, name: device.name })) }
  }

  /**
   * Takes an answer of `/keys/query` in, once the library has.
   * @returns the people of whom something has changed
   */
  note(body: unknown): readonly UserId[] {
    const parsed = answer.safeParse(body)
    if (!parsed.success) return []
    const { data } = parsed
    return this.#database.transaction(() =>
      (Object.keys(data.device_keys ?? {}) as UserId[]).filter((userId) => {
        const before = this.of(userId)
        const identity = identityIn(userId, own(data.master_keys, userId), own(data.self_signing_keys, userId)) ?? before.identity
        const shown = Object.entries(data.device_keys?.[userId] ?? {})
        const devices = shown.flatMap(([deviceId, keys]) => {
          const known = before.devices.find((device) => device.deviceId === deviceId)
          const device = deviceIn(userId, deviceId, keys, identity)
          // A device has its keys for as long as it lives: others are a swap, and it counts for nothing then.
          const same = device?.ed25519 === known?.ed25519 && device?.curve25519 === known?.curve25519
          const kept = known === undefined || same ? device : { ...known, signed: false }
          return kept === undefined ? [] : [kept]
        })
        const text = JSON.stringify({ identity, devices })
        if (text === JSON.stringify(before)) return false
        this.#put.run(this.#area, Buffer.from(userId), Buffer.from(text))
        return true
      }),
    )
  }
}
