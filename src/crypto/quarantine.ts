import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Database } from '../database/database.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { JsonObject, Timestamp } from '../types.ts'

/** Something that somebody else wrote and the engine has to read: an event to this device, or an encrypted event of a room. */
export interface EngineInput {
  readonly kind: 'to-device' | 'room'
  readonly event: JsonObject
}

/** An event that is kept from the engine, because the engine broke over it. */
export interface SetAside {
  /** SHA-256 of what the event says, hexadecimal. */
  readonly hash: string
  readonly kind: EngineInput['kind']
  readonly type: string
  readonly sender: string
  /** What the engine said when it broke. */
  readonly reason: string
  readonly at: Timestamp
}

/** One call into the engine that has not come back yet. */
export interface Flight {
  readonly inputs: readonly EngineInput[]
}

const stored = z.object({
  kind: z.enum(['to-device', 'room']),
  type: z.string(),
  sender: z.string(),
  reason: z.string(),
  at: z.number(),
  told: z.boolean(),
  // Only what is ciphertext anyway: for those who look for the fault in the engine.
  event: z.unknown().optional(),
})
type Stored = z.infer<typeof stored>

const prefix = 'crypto.quarantine:'
const suspectsName = 'crypto.suspects'
const suspectList = z.record(z.string(), z.object({ deaths: z.number(), at: z.number() }))

/** A server delivers what was not acknowledged for as long as it likes; nothing that matters is that old (milliseconds). */
const keepMs = 30 * 24 * 3_600_000
/** What was suspected and never came again is forgotten (milliseconds). */
const suspectMs = 24 * 3_600_000

/** Object keys in order: the same event has the same text, however the server writes it down. */
const ordered = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
    : value

const text = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 255) : '')

const hashOf = ({ kind, event }: EngineInput): string => {
  const { type, sender, content, event_id: eventId } = event
  let said: string
  try {
    said = JSON.stringify([kind, type, sender, content, kind === 'room' ? eventId : null], ordered)
  } catch {
    // Nested deeper than anything that a person would send: it cannot be handed to the engine either.
    said = JSON.stringify([kind, text(type), text(sender), 'unwritable'])
  }
  return createHash('sha256').update(said).digest('hex')
}

/**
 * Keeps events from the engine over which it broke. A panic ends the process; without this the server would deliver the same event to the next
 * one, for ever. What was in the engine at that moment is noted: a single event is set aside at once; of several, each is suspected, and the next
 * process hands those to the engine one after another, so that a second panic shows which one it is.
 */
export class Quarantine {
  readonly #database: Database
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #aside = new Set<string>()
  readonly #suspects: Map<string, { readonly deaths: number; readonly at: Timestamp }>
  readonly #flights = new Set<Flight>()
  #over = false

  constructor(options: { readonly database: Database; readonly clock: Clock; readonly logger: Logger }) {
    this.#database = options.database
    this.#clock = options.clock
    this.#logger = options.logger
    const now = this.#clock.now()
    for (const [hash, { at }] of this.#rows()) {
      if (now - at > keepMs) this.#database.run(this.#database.query.deleteFrom('meta').where('name', '=', `${prefix}${hash}`))
      else this.#aside.add(hash)
    }
    const suspected = suspectList.parse(JSON.parse(this.#database.meta(suspectsName) ?? '{}'))
    this.#suspects = new Map(Object.entries(suspected).filter(([, { at }]) => now - at <= suspectMs))
  }

  #rows(): readonly (readonly [string, Stored])[] {
    return this.#database
      .all(this.#database.query.selectFrom('meta').selectAll().where('name', 'like', `${prefix}%`))
      .map(({ name, value }) => [name.slice(prefix.length), stored.parse(JSON.parse(value))])
  }

  /** How many events are set aside. */
  get size(): number {
    return this.#aside.size
  }

  /** One call into the engine at a time: an event in it is suspected. */
  get careful(): boolean {
    return this.#suspects.size > 0
  }

  /** Is this event kept from the engine? */
  has(input: EngineInput): boolean {
    return this.#aside.size > 0 && this.#aside.has(hashOf(input))
  }

  /** May this be the event that broke the engine last time? It has to go into it alone. */
  suspects(input: EngineInput): boolean {
    return this.#suspects.size > 0 && this.#suspects.has(hashOf(input))
  }

  /** Notes that a call into the engine begins. @returns ends it */
  enter(inputs: readonly EngineInput[]): () => void {
    const flight: Flight = { inputs }
    this.#flights.add(flight)
    return () => void this.#flights.delete(flight)
  }

  /** The engine has read these and lives: they are no longer suspected. For to-device events inside the transaction that stores what it made of them. */
  clear(inputs: readonly EngineInput[]): void {
    if (this.#over) return
    const known = inputs.map(hashOf).filter((hash) => this.#suspects.has(hash))
    if (known.length === 0) return
    for (const hash of known) this.#suspects.delete(hash)
    this.#saveSuspects()
  }

  /**
   * The engine broke. Writes down what was in it; the process has to end afterwards.
   * @param certain it panicked; otherwise it did not come back, which may have another cause: that has to happen twice
   */
  engineBroke(reason: string, certain: boolean): void {
    const flights = [...this.#flights]
    this.#note(
      flights.flatMap((flight) => flight.inputs),
      { alone: flights.length === 1, certain, reason },
    )
  }

  /** The engine could not take these at all, and the process ends. What stands behind it may be something else: that has to happen twice. */
  refused(inputs: readonly EngineInput[], reason: string): void {
    this.#note(inputs, { alone: true, certain: false, reason })
  }

  #note(inputs: readonly EngineInput[], how: { readonly alone: boolean; readonly certain: boolean; readonly reason: string }): void {
    // What fails after the first failure says nothing any more.
    if (this.#over || inputs.length === 0) return
    this.#over = true
    const now = this.#clock.now()
    this.#database.transaction(() => {
      for (const input of inputs) {
        const hash = hashOf(input)
        const deaths = (this.#suspects.get(hash)?.deaths ?? 0) + 1
        if (how.alone && inputs.length === 1 && (how.certain || deaths > 1)) this.#setAside(hash, input, how.reason, now)
        else this.#suspects.set(hash, { deaths, at: now })
      }
      this.#saveSuspects()
    })
  }

  #setAside(hash: string, { kind, event }: EngineInput, reason: string, at: Timestamp): void {
    const type = text(event['type'])
    const sender = text(event['sender'])
    const row: Stored = { kind, type, sender, reason, at, told: false, ...(type === 'm.room.encrypted' ? { event } : {}) }
    this.#database.setMeta(`${prefix}${hash}`, JSON.stringify(row))
    this.#suspects.delete(hash)
    this.#aside.add(hash)
    this.#logger.error(
      { hash, kind, type, sender, reason },
      'the encryption engine broke over an event; the event is set aside and will not be given to it again',
    )
  }

  #saveSuspects(): void {
    this.#database.setMeta(suspectsName, JSON.stringify(Object.fromEntries(this.#suspects)))
  }

  /** Events that nobody was told about yet. */
  untold(): readonly SetAside[] {
    return this.#rows()
      .filter(([, { told }]) => !told)
      .map(([hash, { kind, type, sender, reason, at }]) => ({ hash, kind, type, sender, reason, at }))
  }

  /** Call inside the transaction that stores the message about it. */
  markTold(hash: string): void {
    const name = `${prefix}${hash}`
    const value = this.#database.meta(name)
    if (value !== undefined) this.#database.setMeta(name, JSON.stringify({ ...stored.parse(JSON.parse(value)), told: true }))
  }
}
