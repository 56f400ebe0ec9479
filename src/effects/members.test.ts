import { describe, expect, test } from 'vitest'
import { status, timeout } from '../../tests/support/commands/answering.ts'
import type { Membership } from '../database/schema.ts'
import type { Directory } from '../directory/directory.ts'
import type { GateFailure } from '../http/contract.ts'
import type { Homeserver } from '../matrix/client.ts'
import type { RoomId, UserId } from '../types.ts'
import { createMemberEffects } from './members.ts'

const roomId = '!tech:x' as RoomId
const ada = '@ada:x' as UserId
const lost = { untouched: false } as const

const outcomeOf = (failure: GateFailure, membership: Membership | undefined, kind: 'room.kick' | 'room.ban' | 'room.invite' = 'room.kick') => {
  const effects = createMemberEffects({
    homeserver: { userId: '@bot:x', member: () => Promise.resolve(failure) } as unknown as Homeserver,
    queries: { liveMembership: () => Promise.resolve(membership) },
    directory: { power: () => undefined, memberIds: () => [] } as unknown as Directory,
    nameOf: (userId) => userId,
  })
  const context = { planId: 1, step: 0, key: '1.0', outcomes: new Map(), signal: new AbortController().signal }
  return (effects[kind].act as (effect: object, given: typeof context) => Promise<{ state: string; code: string }>)(
    { kind, roomId, userId: ada },
    context,
  )
}

describe('an answer that was lost is looked up before anything is claimed', () => {
  test.each([
    ['a proxy lost the answer of a kick that happened', { ...status(502), ...lost }, 'leave', 'done'],
    ['a proxy lost the answer of a kick that did not', { ...status(502), ...lost }, 'join', 'failed'],
    ['nobody can tell', { ...status(503), ...lost }, undefined, 'unknown'],
    ['a time-out after it happened', timeout(false), 'leave', 'done'],
    ['never sent', timeout(true), 'join', 'failed'],
    ['refused for good', status(400), 'join', 'failed'],
  ] as const)('%s', async (_, failure, membership, state) => {
    expect((await outcomeOf(failure, membership)).state).toBe(state)
  })
})
