import { z } from 'zod'
import type { EffectHandler } from '../chat/execute.ts'
import { describeFailure, segment } from '../matrix/client.ts'
import type { Homeserver } from '../matrix/client.ts'
import type { Outbox } from '../matrix/outbox.ts'
import { isRoomEvent } from '../matrix/sync-types.ts'
import type { RoomEvent } from '../matrix/sync-types.ts'

const page = z.object({ chunk: z.array(z.unknown()), end: z.string().optional() })
const mostPages = 20

/** Hiding the last messages of a person. Key: the events; a redaction has a transaction id made of the event, so a repeat is the same one. */
export const createRedactEffect = (homeserver: Homeserver, outbox: Outbox): EffectHandler<'room.redact'> => ({
  act: async ({ roomId, userId, limit }, { signal }) => {
    const events: RoomEvent[] = []
    let from: string | undefined
    for (let pages = 0; pages < mostPages && events.length < limit; pages += 1) {
      const result = await homeserver.request('GET', `/_matrix/client/v3/rooms/${segment(roomId)}/messages`, {
        route: 'messages',
        query: { dir: 'b', limit: 100, from, filter: JSON.stringify({ senders: [userId], not_types: ['m.room.redaction'] }) },
        repeatable: true,
        signal,
      })
      if (!result.ok) return { state: 'failed', code: 'failed', text: describeFailure(result) }
      const body = page.safeParse(result.body)
      if (!body.success) return { state: 'failed', code: 'failed', text: 'the server answered something that is no page of messages' }
      for (const event of body.data.chunk) {
        if (!isRoomEvent(event) || event.sender !== userId) continue // The server was asked for this person only, and is not believed.
        const gone = event.unsigned !== undefined && Object.hasOwn(event.unsigned, 'redacted_because')
        if (!gone && event.state_key === undefined && events.length < limit) events.push(event)
      }
      if (body.data.end === undefined || body.data.chunk.length === 0) break
      from = body.data.end
    }
    let hidden = 0
    for (const event of events) if (await outbox.redact(roomId, event.event_id, 'removed by a moderator')) hidden += 1
    const words = `${hidden} of ${events.length} messages`
    if (events.length === 0) return { state: 'skipped', code: 'nothing', text: 'there was nothing to hide' }
    return hidden === events.length
      ? { state: 'done', code: 'done', text: words }
      : { state: 'failed', code: 'partly', text: `only ${words} could be hidden` }
  },
  probe: () => Promise.resolve('absent'),
})
