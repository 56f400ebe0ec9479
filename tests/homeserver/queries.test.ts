import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createGate } from '../../src/http/gate.ts'
import type { Gate } from '../../src/http/contract.ts'
import type { Homeserver } from '../../src/matrix/client.ts'
import { createDirectorySource, createQueries } from '../../src/matrix/queries.ts'
import { systemClock } from '../../src/operations/clock.ts'
import { silentLogger } from '../../src/operations/logger.ts'
import { SynapseAdmin } from '../../src/synapse/admin.ts'
import type { RoomAlias, RoomId, UserId } from '../../src/types.ts'
import { openAdmin } from '../support/homeserver/admin.ts'
import type { Admin, User } from '../support/homeserver/admin.ts'

// The live look-ups against a real Synapse: what its answers really look like.

describe('live look-ups', () => {
  let admin: Admin
  let gate: Gate
  let ada: User
  let bob: User
  let root: User
  let shared: string
  let invited: string
  let alone: string

  const as = (user: User): Pick<Homeserver, 'request' | 'userId'> => ({
    userId: user.userId as UserId,
    request: (method, path, options) => gate.request({ ...options, method, path, token: user.accessToken }),
  })

  beforeAll(async () => {
    admin = await openAdmin(inject('homeserver'))
    gate = createGate({
      baseUrl: admin.homeserver.url,
      name: 'test',
      logger: silentLogger,
      clock: systemClock,
      allowHttp: true,
      userAgent: 'queries-test',
    })
    ;[ada, bob, root] = await Promise.all([
      admin.registerUser({ name: 'ada', displayName: 'Ada' }),
      admin.registerUser({ name: 'bob' }),
      admin.registerUser({ name: 'root', admin: true }),
    ])
    ;[shared, invited, alone] = await Promise.all([
      admin.createRoom(ada, { name: 'Shared', public: true, alias: `shared-${ada.localpart}` }),
      admin.createRoom(ada, { name: 'Invited', invite: [bob.userId] }),
      admin.createRoom(ada, { name: 'Alone' }),
    ])
    await admin.join(bob, shared)
  })

  afterAll(async () => {
    await gate.close(0)
    admin.close()
  })

  test('memberships as they are now', async () => {
    const queries = createQueries(as(ada))
    const ask = (room: string, user: string) => queries.liveMembership(room as RoomId, user as UserId)
    expect(await ask(shared, bob.userId)).toBe('join')
    expect(await ask(invited, bob.userId)).toBe('invite')
    expect(await ask(alone, bob.userId)).toBe('leave')
    expect(await createQueries(as(bob)).liveMembership(alone as RoomId, ada.userId as UserId)).toBeUndefined()
  })

  test('mutual rooms, profiles and aliases', async () => {
    const queries = createQueries(as(ada))
    expect(await queries.mutualRooms(bob.userId as UserId)).toEqual({ ok: true, value: [shared] })
    expect(await queries.profileExists(bob.userId as UserId)).toBe(true)
    const server = ada.userId.slice(ada.userId.indexOf(':') + 1)
    expect(await queries.profileExists(`@nobody-at-all:${server}` as UserId)).toBe(false)
    // Nobody has to have a name.
    const named = (displayname: string) =>
      admin.as(bob)('PUT', `/_matrix/client/v3/profile/${encodeURIComponent(bob.userId)}/displayname`, { displayname })
    await named('')
    expect(await queries.profileExists(bob.userId as UserId)).toBe(true)
    const alias = `#shared-${ada.localpart}:${server}` as RoomAlias
    expect(await queries.resolveAlias(alias)).toMatchObject({ ok: true, value: { roomId: shared, via: [server] } })
    expect(await queries.resolveAlias(`#nothing:${server}` as RoomAlias)).toMatchObject({ ok: false, code: 'not-found' })
  })

  test('what the directory loads', async () => {
    const source = createDirectorySource(as(ada))
    const rooms = await source.joinedRooms()
    expect(rooms.ok && [...rooms.value].sort()).toEqual([shared, invited, alone].sort())
    const members = await source.members(invited as RoomId)
    expect(members.ok && new Map(members.value.members.map(({ userId, membership }) => [userId, membership]))).toEqual(
      new Map([
        [ada.userId, 'join'],
        [bob.userId, 'invite'],
      ]),
    )
    const state = await source.state(shared as RoomId)
    expect(state.ok && state.value.map(({ type }) => type)).toContain('m.room.create')
    expect(await createDirectorySource(as(bob)).members(alone as RoomId)).toMatchObject({ ok: false, code: 'forbidden' })
  })

  test('the admin API: rights, rooms of a person, counts, suspension', async () => {
    expect(await new SynapseAdmin(as(ada)).probe()).toMatchObject({ admin: false, exempt: false, reason: { code: 'not-admin' } })
    const api = new SynapseAdmin(as(root))
    expect(await api.probe()).toEqual({ admin: true, exempt: true })
    await admin.exempt(root.userId, false)
    expect(await api.probe()).toEqual({ admin: true, exempt: false })
    const rooms = await api.roomsOf(bob.userId as UserId)
    expect(rooms.ok && [...rooms.value].sort()).toEqual([shared, invited].sort())
    const counts = await api.joinedCounts()
    expect(counts.ok && counts.value.get(shared as RoomId)).toBe(2)

    expect(await api.suspend('@ada:elsewhere.example' as UserId, true)).toMatchObject({ code: 'not-local', changed: 'no' })
    expect(await api.suspend(`@nobody:${ada.userId.slice(ada.userId.indexOf(':') + 1)}` as UserId, true)).toMatchObject({
      code: 'not-found',
    })
    expect(await new SynapseAdmin(as(ada)).suspend(bob.userId as UserId, true)).toMatchObject({ code: 'not-admin' })
    const write = () =>
      admin.as(bob)('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(shared)}/send/m.room.message/t1`, {
        msgtype: 'm.text',
        body: 'hi',
      })
    expect(await api.suspend(bob.userId as UserId, true)).toEqual({ ok: true })
    await expect(write()).rejects.toThrow()
    expect(await api.suspend(bob.userId as UserId, false)).toEqual({ ok: true })
    await expect(write()).resolves.toHaveProperty('event_id')
  })
})
