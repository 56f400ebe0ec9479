import { z } from 'zod'
import type { Clock } from '../operations/clock.ts'
import type { RoomId } from '../types.ts'
import { describeFailure, segment } from './client.ts'
import type { Homeserver } from './client.ts'
import type { Journal } from './journal.ts'
import { isRoomEvent } from './sync-types.ts'
import type { RoomEvent } from './sync-types.ts'

/** Events of a gap, oldest first. */
export interface Backfill {
  readonly events: readonly RoomEvent[]
  readonly complete: boolean
  /** Why it is not complete. */
  readonly reason?: string
}

const page = z.object({ chunk: z.array(z.unknown()), end: z.string().optional() })
/** Statuses that say something about this room. A 401 is about the session, and ends the process elsewhere if it cannot be renewed. */
const refusals: ReadonlySet<number> = new Set([400, 403, 404])
const pageSize = 100
/** 50 pages of 100 are more than moderators write while a bot is away; past that, older commands are told to be repeated by nobody. */
const mostPages = 50
/** A server that fails with this one room for so long would keep the bot from hearing all others (milliseconds). */
const patienceMs = 5 * 60_000

/**
 * Fetches what a limited timeline left out, backwards from its begin to the last sync token (spec: `GET /rooms/{roomId}/messages`). A page with
 * a journaled event is the last one too, for servers that overlook `to`; the page is read to its end, because a room's order is not the order
 * of arrival: what a slow server sent during the gap may stand behind what came before it.
 * @param from `prev_batch` of the timeline
 * @param to the sync token before the gap
 */
export const backfill = async (options: {
  readonly homeserver: Homeserver
  readonly journal: Journal
  readonly roomId: RoomId
  readonly from: string
  readonly to: string
  readonly clock: Clock
  readonly signal: AbortSignal
}): Promise<Backfill> => {
  const { homeserver, journal, roomId, to, clock, signal } = options
  const events: RoomEvent[] = []
  const give = (reason?: string): Backfill => ({
    events: events.toReversed(),
    complete: reason === undefined,
    ...(reason === undefined ? {} : { reason }),
  })
  let { from } = options
  let failingSince: number | undefined
  for (let pages = 0; pages < mostPages; pages += 1) {
    const result = await homeserver.request('GET', `/_matrix/client/v3/rooms/${segment(roomId)}/messages`, {
      route: 'messages',
      query: { dir: 'b', from, to, limit: pageSize, filter: JSON.stringify({ types: ['m.room.encrypted', 'm.room.message'] }) },
      repeatable: true,
      deadlineMs: 120_000,
      signal,
    })
    if (!result.ok) {
      // A refusal is final (the bot may be out of the room); anything else passes, and giving up would lose messages.
      if (signal.aborted || (result.code === 'status' && refusals.has(result.status))) return give(describeFailure(result))
      if (result.code === 'status' && result.status >= 500) {
        failingSince ??= clock.now()
        if (clock.now() - failingSince >= patienceMs) return give(describeFailure(result))
      }
      await clock.sleep(result.code === 'limited' ? result.retryAfterMs : 2000, signal).catch(() => undefined)
      pages -= 1
      continue
    }
    failingSince = undefined
    const body = page.safeParse(result.body)
    if (!body.success) return give('the server answered something that is no page of messages')
    let met = false
    for (const event of body.data.chunk) {
      if (!isRoomEvent(event)) continue
      if (journal.has(event.event_id)) met = true
      else events.push(event)
    }
    // An empty page with an end is not the last one: the server may have left out what the bot must not see (spec: `end`).
    if (met || body.data.end === undefined || body.data.end === from) return give()
    from = body.data.end
  }
  return give(`more than ${mostPages * pageSize} messages were missed`)
}
