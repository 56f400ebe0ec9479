import { z } from 'zod'
import type { RoomId, UserId } from '../types.ts'
import type { Homeserver } from './client.ts'

const receipts = z.object({
  type: z.literal('m.receipt'),
  content: z.record(z.string(), z.record(z.string(), z.record(z.string(), z.unknown()))),
})
const answer = z.object({
  rooms: z
    .object({ join: z.record(z.string(), z.object({ ephemeral: z.object({ events: z.array(z.unknown()) }).optional() })).default({}) })
    .default({ join: {} }),
})

/**
 * Which people have read anything in which of these rooms. The bot's own sync leaves receipts out, because a big community makes a stream of them;
 * this asks for those of a few rooms, once (spec: receipts have no request of their own). No to-device message is lost by it: the server
 * drops them only when a later sync acknowledges them.
 * @returns readers by room; undefined = the server did not tell
 */
export const readersOf = async (
  homeserver: Pick<Homeserver, 'request'>,
  roomIds: readonly RoomId[],
): Promise<ReadonlyMap<RoomId, ReadonlySet<UserId>> | undefined> => {
  if (roomIds.length === 0) return new Map()
  const nothing = { types: [] }
  const filter = {
    room: { rooms: roomIds, timeline: { types: [], limit: 1 }, state: nothing, ephemeral: { types: ['m.receipt'] }, account_data: nothing },
    presence: nothing,
    account_data: nothing,
  }
  const result = await homeserver.request('GET', '/_matrix/client/v3/sync', {
    route: 'receipts',
    query: { filter: JSON.stringify(filter), timeout: 0, set_presence: 'offline' },
    repeatable: true,
    timeoutMs: 5_000,
  })
  if (!result.ok) return undefined
  const parsed = answer.safeParse(result.body)
  if (!parsed.success) return undefined
  const { join } = parsed.data.rooms
  // A room without receipts has nothing to tell and is left out.
  return new Map(
    roomIds.map((roomId) => [
      roomId,
      new Set(Object.hasOwn(join, roomId) ? (join[roomId]?.ephemeral?.events ?? []).flatMap(readersIn) : []),
    ]),
  )
}

/** The people of one `m.receipt` event: by event, kind of receipt and person (spec, "Receipts"). */
const readersIn = (event: unknown): readonly UserId[] => {
  const known = receipts.safeParse(event)
  if (!known.success) return []
  return Object.values(known.data.content).flatMap((kinds) => Object.values(kinds).flatMap((users) => Object.keys(users) as UserId[]))
}
