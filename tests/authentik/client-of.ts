import { afterEach, expect } from 'vitest'
import { type Authentik, authentikBreaker, createAuthentik } from '../../src/authentik/client.ts'
import type { Patience } from '../../src/authentik/call.ts'
import { createGate, type GateOptions } from '../../src/http/gate.ts'
import { systemClock } from '../../src/operations/clock.ts'
import { silentLogger } from '../../src/operations/logger.ts'
import { createStandIn, type StandIn, type StandInOptions } from '../support/authentik/stand-in.ts'

/** The two servers whose answers were recorded. */
export const versions = ['2026.2.2', '2026.5.0-rc1'] as const

export interface Bench {
  readonly standIn: StandIn
  readonly authentik: Authentik
  /** `METHOD path` of every request so far. */
  readonly log: () => string[]
}

const endings: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const end of endings.splice(0)) await end()
})

/** Starts a stand-in and a client on it; both end with the test, and no violation of the schema may have happened. */
export const setUp = async (
  options: StandInOptions & {
    readonly publicUrl?: string
    readonly patience?: Partial<Patience>
    readonly gate?: Partial<GateOptions>
    readonly useToken?: string
  } = {},
): Promise<Bench> => {
  const standIn = await createStandIn(options)
  const gate = createGate({
    baseUrl: standIn.url,
    name: 'authentik',
    logger: silentLogger,
    clock: systemClock,
    userAgent: 'gatehouse-test',
    allowHttp: true,
    breaker: authentikBreaker,
    random: () => 0,
    limits: { backoffMs: 10 },
    ...options.gate,
  })
  const authentik = createAuthentik({
    gate,
    token: options.useToken ?? standIn.token,
    publicUrl: options.publicUrl ?? standIn.url,
    ...(options.patience === undefined ? {} : { patience: options.patience }),
  })
  endings.push(async () => {
    await gate.close(0)
    await standIn.close()
    expect(standIn.violations).toEqual([])
  })
  return { standIn, authentik, log: () => standIn.requests.map((one) => `${one.method} ${one.path.replace('/api/v3', '')}`) }
}

/** The value of a success; anything else fails the test with the failure in its message. */
export const valueOf = <Value>(
  result: { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly code: string; readonly text: string },
): Value => {
  if (!result.ok) throw new Error(`expected a value, got ${result.code}: ${result.text}`)
  return result.value
}
