import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest'
import type { FaultHow } from '../support/authentik/faults.ts'
import type { SeenMessage } from '../support/people/people.ts'
import {
  accountsOf,
  directRooms,
  finalAnswer,
  groupNames,
  startArrivalWorld,
  untilOffered,
  type ArrivalWorld,
  type Newcomer,
} from './arrivals.ts'
import { patience } from './world.ts'

/** How Authentik can fail in a call. */
export const ways: readonly (readonly [string, FaultHow])[] = [
  ['500', { status: 500 }],
  ['silence', 'hang'],
  ['a reset', 'reset'],
  ['a cut after it was done', 'commit-then-drop'],
]

/** An answer, and the command that it answers. */
export type Answered = SeenMessage & { readonly commandId: string }

/** A world whose Authentik fails, and what has to be true afterwards. */
export interface FailingWorld {
  readonly world: ArrivalWorld
  /** Adds a newcomer, with everything that the main job needs. */
  readonly send: (newcomer: Newcomer) => Promise<Answered>
  /** All is there, and once. */
  readonly expectArrived: (newcomer: Newcomer) => void
  /** The command again, and what was saved of the first one too: still one of everything. */
  readonly expectCompletedByAnother: (newcomer: Newcomer, first: Answered) => Promise<void>
}

/** Starts the world before the tests of a file, mends Authentik after each of them, and ends it after the last. */
export const useFailingWorld = (): FailingWorld => {
  let world: ArrivalWorld

  beforeAll(async () => {
    world = await startArrivalWorld()
  })
  afterEach(async () => {
    await mend()
  })
  afterAll(async () => {
    expect(world.authentik.violations).toEqual([])
    await world.stop()
  })

  /** Authentik is well again, and the bot has noticed: after failures in a row it asks again only every ten seconds. */
  const mend = async (): Promise<void> => {
    world.authentik.clearFaults()
    await vi.waitFor(async () => expect((await world.ask(world.adminRoom, '!invites')).body).not.toMatch(/^❌/), {
      timeout: patience,
      interval: 500,
    })
  }

  const send = async (newcomer: Newcomer): Promise<Answered> => {
    const commandId = await world.moderator.sendText(world.adminRoom, newcomer.command())
    return { ...(await finalAnswer(world, world.adminRoom, commandId)), commandId }
  }

  const expectArrived = (newcomer: Newcomer): void => {
    const [account, ...others] = accountsOf(world, newcomer.email)
    expect(others).toEqual([])
    expect(account).toMatchObject({ name: 'Ada Lovelace', attributes: { matrix_id: newcomer.userId, interests: ['hiking'] } })
    expect(groupNames(world, account)).toEqual(['Members'])
    expect(world.query<{ account_pk: number }>('SELECT * FROM link WHERE user_id = ?', newcomer.userId)).toMatchObject([
      { account_pk: account?.pk },
    ])
    expect(directRooms(world, newcomer.userId)).toHaveLength(1)
    // What INDOC awaits of everybody who comes is no part of the arrival.
    const jobs = world.query<{ kind: string }>(
      `SELECT kind FROM job WHERE unique_key = ? AND kind <> 'introduction-deadline' ORDER BY kind`,
      newcomer.userId,
    )
    expect(jobs.map(({ kind }) => kind)).toEqual(['graduation', 'welcome'])
  }

  const expectCompletedByAnother = async (newcomer: Newcomer, first: Answered): Promise<void> => {
    await mend()
    const again = await send(newcomer)
    expect(again.body).toMatch(/^✅/)
    const saved = /Saved as #(\d+)/.exec(first.body)?.[1]
    if (saved !== undefined) {
      await world.ask(world.adminRoom, `!retry ${saved}`)
      const late = await world.moderator.waitForMessage(
        world.adminRoom,
        { sender: world.botId, replyTo: first.commandId, after: first.eventId, body: /^(✅|⚠️|❌)/u },
        patience,
      )
      expect(late.body).toMatch(/^✅/)
    }
    await untilOffered(world, newcomer.userId)
    expectArrived(newcomer)
  }

  return {
    get world() {
      return world
    },
    send,
    expectArrived,
    expectCompletedByAnother,
  }
}
