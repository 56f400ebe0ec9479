import { z } from 'zod'
import type { Database } from '../database/database.ts'
import type { EventId, RoomId, Timestamp, UserId } from '../types.ts'
import type { Arguments } from './declaration.ts'
import { looksLikeCode, newCode } from './plans.ts'

/** A command that came from a device nobody has vouched for. */
export interface HeldCommand {
  readonly eventId: EventId
  readonly command: string
  /** With every person under their own name. */
  readonly arguments: Arguments
  readonly dryRun: boolean
  readonly asker: UserId
  readonly roomId: RoomId
  readonly replyTo: EventId | undefined
}

/** What answering a code gave. */
export type Release =
  | { readonly ok: true; readonly held: HeldCommand }
  | { readonly ok: false; readonly code: 'unknown' | 'expired' | 'not-yours' | 'used' }

const stored = z.record(z.string(), z.unknown())

/** How long a code that has run out is remembered, so that it can be said that it has (milliseconds). */
const rememberedMs = 3_600_000

/**
 * Commands that wait for a word of their owner from a signed device. Bound to person and room, usable once; the same confirming event again gives the
 * same result, so that a restart in the middle loses nothing.
 */
export class HeldCommands {
  readonly #database: Database
  readonly #random: (below: number) => number

  /** @param random uniform whole number in [0, below), from a cryptographic generator */
  constructor(database: Database, random: (below: number) => number) {
    this.#database = database
    this.#random = random
  }

  /** Keeps a command. The same event again has the same code. Returns the code. */
  hold(command: HeldCommand, expiresAt: Timestamp, now: Timestamp): string {
    return this.#database.transaction(() => {
      this.#database.run(this.#database.query.deleteFrom('held_command').where('expires_at', '<', now - rememberedMs))
      const known = this.#database.first(
        this.#database.query.selectFrom('held_command').select('code').where('event_id', '=', command.eventId),
      )
      if (known !== undefined) return known.code
      for (;;) {
        const code = newCode(this.#random)
        const isPlan = this.#database.first(this.#database.query.selectFrom('confirmation').select('code').where('code', '=', code))
        if (isPlan !== undefined) continue
        const { changes } = this.#database.run(
          this.#database.query
            .insertInto('held_command')
            .values({
              code,
              event_id: command.eventId,
              command: command.command,
              arguments: JSON.stringify(command.arguments),
              dry_run: command.dryRun ? 1 : 0,
              asker: command.asker,
              room_id: command.roomId,
              reply_to: command.replyTo ?? null,
              expires_at: expiresAt,
              confirmed_by_event: null,
            })
            .onConflict((conflict) => conflict.column('code').doNothing()),
        )
        if (changes === 1) return code
      }
    })
  }

  #row(code: string) {
    return this.#database.first(this.#database.query.selectFrom('held_command').selectAll().where('code', '=', code.trim().toLowerCase()))
  }

  /** The room where a code was given; undefined = it is none of these. */
  roomOf(code: string): RoomId | undefined {
    return looksLikeCode(code) ? this.#row(code)?.room_id : undefined
  }

  /** The command of a code, if this person may release it here now. Changes nothing. */
  find(code: string, by: UserId, roomId: RoomId, eventId: EventId, now: Timestamp): Release {
    const row = this.#row(code)
    if (row === undefined || row.room_id !== roomId) return { ok: false, code: 'unknown' }
    if (row.asker !== by) return { ok: false, code: 'not-yours' }
    if (row.confirmed_by_event !== null && row.confirmed_by_event !== eventId) return { ok: false, code: 'used' }
    if (row.confirmed_by_event === null && now > row.expires_at) return { ok: false, code: 'expired' }
    return {
      ok: true,
      held: {
        eventId: row.event_id,
        command: row.command,
        arguments: Object.assign(Object.create(null) as object, stored.parse(JSON.parse(row.arguments))) as Arguments,
        dryRun: row.dry_run === 1,
        asker: row.asker,
        roomId: row.room_id,
        replyTo: row.reply_to ?? undefined,
      },
    }
  }

  /** Spends a code for this event. */
  release(code: string, eventId: EventId): void {
    this.#database.run(
      this.#database.query.updateTable('held_command').set({ confirmed_by_event: eventId }).where('code', '=', code.trim().toLowerCase()),
    )
  }
}
