import { describe, expect, test } from 'vitest'
import { accountsOf, arriveAtIndoc } from './arrivals.ts'
import { useFailingWorld, ways } from './failing.ts'

// Authentik fails in the middle of an arrival, in each of its calls and in each way. Whatever was left: the same command again completes it,
// without a second account.

const failing = useFailingWorld()
const { send, expectCompletedByAnother } = failing

interface Call {
  readonly name: string
  readonly method: string
  readonly path: RegExp
  /** So many go well before. */
  readonly after?: number
}

const calls: readonly Call[] = [
  { name: 'the first look for the person', method: 'GET', path: /\/core\/users\/$/ },
  { name: 'the second look for the person', method: 'GET', path: /\/core\/users\/$/, after: 1 },
  { name: 'the third look for the person', method: 'GET', path: /\/core\/users\/$/, after: 2 },
  { name: 'making the account', method: 'POST', path: /\/core\/users\/$/ },
  { name: 'the group', method: 'POST', path: /\/add_user\/$/ },
]

describe.each(calls)('$name fails', ({ method, path, after }) => {
  test.each(ways)('with %s, once', async (_way, how) => {
    const newcomer = await arriveAtIndoc(failing.world)
    await failing.world.settle(failing.world.indoc)
    failing.world.authentik.failNext({ method, pathPattern: path, how, ...(after === undefined ? {} : { after }) })
    const first = await send(newcomer)
    expect(first.body).toMatch(/^(✅|⚠️|❌|❔)/u)
    expect(accountsOf(failing.world, newcomer.email).length).toBeLessThanOrEqual(1)
    await expectCompletedByAnother(newcomer, first)
  })
})
