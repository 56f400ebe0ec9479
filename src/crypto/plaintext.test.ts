import { beforeEach, describe, expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from '../database/database.ts'
import { Directory } from '../directory/directory.ts'
import { parseSync } from '../matrix/sync-types.ts'
import type { StateEvent, SyncResponse } from '../matrix/sync-types.ts'
import type { EventId, JsonObject, RoomId, UserId } from '../types.ts'
import { RoomEncryptions } from './room-encryption.ts'

const bot = '@bot:x' as UserId
const room = '!room:x' as RoomId
let database: Database
let directory: Directory
let encryptions: RoomEncryptions

beforeEach(() => {
  database = memoryDatabase()
  directory = new Directory(database, bot)
  encryptions = open()
})

const open = (): RoomEncryptions => new RoomEncryptions(database, directory, () => 'all-devices')
const state = (type: string, content: JsonObject, stateKey = ''): StateEvent => ({
  type,
  content,
  sender: bot,
  state_key: stateKey,
  event_id: `$${type}${stateKey}` as EventId,
  origin_server_ts: 1,
})
const create = state('m.room.create', { room_version: '11' })
const own = state('m.room.member', { membership: 'join' }, bot)
const encryption = state('m.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' })
const sync = (events: readonly StateEvent[]): SyncResponse => {
  const response = parseSync({ next_batch: 's', rooms: { join: { [room]: { state: { events } } } } })
  if ('problem' in response) throw new Error(response.problem)
  return response
}
const fetched = (events: readonly StateEvent[]): void => {
  const members = [{ userId: bot, membership: 'join' as const, displayName: null, eventId: null }]
  directory.applyBaseline(directory.beginBaseline(room), { members, covers: 'all', state: events }, 1)
}

describe('nothing is sent in clear to a room that may be encrypted', () => {
  test('while the state of a room that the sync never told about is not fetched', () => {
    directory.addJoinedRoom(room, 1)
    expect(encryptions.of(room)).toEqual({ state: 'unknown' })
  })

  test('when its encryption stood in a fetched state only, also after a restart', () => {
    directory.addJoinedRoom(room, 1)
    fetched([create, encryption, own])
    expect(encryptions.of(room).state).toBe('encrypted')
    expect(open().of(room).state).toBe('encrypted')
  })

  test('when the server says later that it is not', () => {
    directory.applySync(sync([create, encryption, own]), 1, { initial: false, membersComplete: true })
    encryptions.remember(room, encryption.content, 1)
    directory.markLeft(room, 'leave', 2)
    directory.applySync(sync([create, own]), 3, { initial: false, membersComplete: true })
    expect(encryptions.of(room).state).toBe('encrypted')
  })
})

test('a room whose whole state is known and says nothing about encryption is written to in clear', () => {
  directory.applySync(sync([create, own]), 1, { initial: false, membersComplete: true })
  expect(encryptions.of(room)).toEqual({ state: 'clear' })
  directory.markLeft(room, 'leave', 2)
  expect(encryptions.of(room)).toEqual({ state: 'unknown' })
})
