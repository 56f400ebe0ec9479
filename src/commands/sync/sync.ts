import { bullets, paragraph } from '../../chat/answer.ts'
import type { Answer } from '../../chat/answer.ts'
import type { ReadCommand } from '../../chat/command.ts'
import type { Reconciliation } from '../../directory/load.ts'
import type { DirectoryRoom } from '../../directory/lookup.ts'
import type { RoomId } from '../../types.ts'
import { count, freshnessWords, refusal } from '../words.ts'
import { syncDeclaration } from './declaration.ts'

export interface SyncPorts {
  readonly indoc: () => RoomId | undefined
  readonly room: (roomId: RoomId) => DirectoryRoom | undefined
  /** Fetches these member lists anew; resolves when they are there or after so many milliseconds. */
  readonly refresh: (roomIds: readonly RoomId[], limitMs: number) => Promise<void>
  /** Compares all rooms with the server. */
  readonly reconcile: () => Promise<Reconciliation>
  readonly roomName: (roomId: RoomId) => string
}

/** An arrival waits no longer than this for INDOC either (milliseconds). */
const indocLimitMs = 3000
const failuresShown = 10

const indocOnly = async (ports: SyncPorts, now: number): Promise<Answer> => {
  const indoc = ports.indoc()
  if (indoc === undefined)
    return refusal('no-indoc', 'I do not know the INDOC room: is `rooms.indoc` right, and am I in it? See ', { code: '!status' })
  await ports.refresh([indoc], indocLimitMs)
  const room = ports.room(indoc)
  if (room?.freshness.dirty !== false) {
    const age =
      room === undefined ? 'nothing is known of it yet' : `until then I work with what I have (${freshnessWords(room.freshness, now)})`
    return { mark: '⚠️', blocks: [paragraph(`INDOC was not read within 3 s. I go on with it; ${age}.`)], code: 'not-finished' }
  }
  return { mark: '✅', blocks: [paragraph(`INDOC was read anew: ${count(room.joinedCount ?? 0, 'person', 'people')} in it.`)], code: 'ok' }
}

/** `!sync [full|indoc]`: changes nothing but the cache. */
export const createSyncCommand = (ports: SyncPorts): ReadCommand => ({
  declaration: syncDeclaration,
  answer: async ({ arguments: given, now, roomKind }): Promise<Answer> => {
    if (given.text('scope') === 'indoc') return indocOnly(ports, now)
    const result = await ports.reconcile()
    if (!result.ok) return refusal(result.code, `The rooms could not be compared with the server: ${result.text}. Try again in a while.`)
    const { repaired, added, left, failed } = result
    const words = `${count(repaired.length, 'member list')} read anew, ${count(added.length, 'room')} found that I had missed, ${count(left.length, 'room')} dropped that I am not in any longer`
    if (failed.length === 0) return { mark: '✅', blocks: [paragraph(`The rooms were compared with the server: ${words}.`)], code: 'ok' }
    // Newcomers read along in INDOC: rooms have no names there.
    const named = roomKind === 'indoc' ? [] : failed.slice(0, failuresShown)
    const more = failed.length - named.length
    return {
      mark: '⚠️',
      blocks: [
        paragraph(
          `The rooms were compared with the server: ${words}. ${count(failed.length, 'member list')} could not be read, and I try again:`,
        ),
        bullets(
          ...named.map(({ roomId, text }) => [`${ports.roomName(roomId)}: ${text}`]),
          ...(more === 0 ? [] : [[named.length === 0 ? `${more}: ask in the admin room for their names` : `${more} more`]]),
        ),
      ],
      code: 'partly',
    }
  },
})
