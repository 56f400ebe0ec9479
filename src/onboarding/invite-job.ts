import { z } from 'zod'
import type { Directory } from '../directory/directory.ts'
import type { JobHandler } from '../jobs/job.ts'
import { describeFailure } from '../matrix/client.ts'
import type { Homeserver } from '../matrix/client.ts'
import type { RoomId, UserId } from '../types.ts'

/** What an invitation job is told. */
const payloadSchema = z.object({ roomId: z.string(), userId: z.string() })

/** An invitation that the server did not allow yet: sent when it does. Long waits belong into the jobs table, not into a command. */
export const createInviteHandler = (options: {
  readonly homeserver: Pick<Homeserver, 'member'>
  readonly directory: Pick<Directory, 'membership'>
  readonly onDead: (userId: UserId, roomId: RoomId, reason: string) => void
}): JobHandler => ({
  maxAttempts: 10,
  run: async (job) => {
    const { roomId, userId } = payloadSchema.parse(job.payload) as { roomId: RoomId; userId: UserId }
    const membership = options.directory.membership(roomId, userId)
    if (membership === 'join' || membership === 'invite') return { state: 'done', note: 'is there already' }
    if (membership === 'ban') return { state: 'dead', reason: 'is banned there' }
    const result = await options.homeserver.member('invite', roomId, userId)
    if (result.ok) return { state: 'done', note: 'invited' }
    if (result.code === 'limited') return { state: 'wait', delayMs: result.retryAfterMs, note: 'waits until the server allows it' }
    if (result.code === 'status' && result.status >= 400 && result.status < 500) return { state: 'dead', reason: describeFailure(result) }
    return { state: 'failed', reason: describeFailure(result) }
  },
  onDead: (job, reason) => {
    const { roomId, userId } = payloadSchema.parse(job.payload) as { roomId: RoomId; userId: UserId }
    options.onDead(userId, roomId, reason)
  },
})
