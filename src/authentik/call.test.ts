import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Gate, GateRequest } from '../http/contract.ts'
import { createCaller } from './call.ts'
import { createAuthentik } from './client.ts'

/** A gate that remembers what it was asked and answers always the same. */
const recording = (body: unknown): { gate: Gate; asked: GateRequest[] } => {
  const asked: GateRequest[] = []
  return {
    asked,
    gate: {
      baseUrl: 'https://id.example.org',
      metrics: () => [],
      close: () => Promise.resolve(),
      request: (request) => {
        asked.push(request)
        return Promise.resolve({ ok: true, status: 200, body, headers: {}, ms: 1 })
      },
    },
  }
}

const patience = { readMs: 1, writeMs: 2, longMs: 3 }

describe('what every call has', () => {
  test('path below /api/v3 with its last slash, token, English, no ids in the route', async () => {
    const { gate, asked } = recording({})
    const authentik = createAuthentik({ gate, token: 'tok3n', publicUrl: 'https://id.example.org', patience })
    await Promise.all([
      authentik.me(),
      authentik.getUser(1234),
      authentik.findUserByUsername('ada'),
      authentik.createUser({ username: 'ada', name: '' }),
      authentik.setActive(1234, false),
      authentik.recoveryLink(1234, 90_000),
      authentik.addToGroup('6b90b9f1', 1234),
      authentik.deleteInvitation('6b90b9f1'),
      authentik.endSessions(1234),
      authentik.getFlow('a/b'),
    ])
    for (const request of asked) {
      expect(request.path).toMatch(/^\/api\/v3\/.*\/$/)
      expect(request.headers).toEqual({ 'accept-language': 'en' })
      expect(request.token).toBe('tok3n')
      expect(request.route).not.toMatch(/\d|6b90/)
    }
    expect(asked.find((one) => one.path.includes('flows'))?.path).toBe('/api/v3/flows/instances/a%2Fb/')
    expect(asked.find((one) => one.path.includes('recovery'))?.body).toEqual({ token_duration: 'minutes=2' })
  })

  test('only what may be repeated is marked so', async () => {
    const { gate, asked } = recording({})
    const authentik = createAuthentik({ gate, token: 't', publicUrl: 'https://id.example.org' })
    await authentik.createUser({ username: 'ada', name: '' })
    await authentik.createInvitation({ name: 'x', flow: { pk: 'f' }, expires: 0, singleUse: true, nonce: 'n' })
    expect(asked.map((one) => one.repeatable)).toEqual([false, false])
    await authentik.patchUser(1, { name: 'x' })
    await authentik.getUser(1)
    expect(asked.slice(2).map((one) => one.repeatable)).toEqual([true, true])
  })

  test('reads end within their patience, all attempts together', async () => {
    const { gate, asked } = recording({})
    const caller = createCaller(gate, 't', patience)
    await caller.ask({ method: 'GET', path: '/core/users/me/', route: 'x' }, z.unknown())
    await caller.tell({ method: 'POST', path: '/core/users/', route: 'x' })
    expect(asked.map(({ timeoutMs, deadlineMs }) => [timeoutMs, deadlineMs])).toEqual([
      [1, 1],
      [2, 2],
    ])
  })
})
