import type { GateFailure, GateResult } from '../../../src/http/contract.ts'
import type { Homeserver } from '../../../src/matrix/client.ts'
import type { UserId } from '../../../src/types.ts'

/** What was asked of the stand-in. */
export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: unknown
  readonly body: unknown
}

const base = { untouched: true, method: 'GET', route: 'r', ms: 1 } as const

/** A good answer. */
export const good = (body: unknown): GateResult => ({ ok: true, status: 200, body, headers: {}, ms: 1 })
/** The server refuses. */
export const status = (code: number, errcode?: string): GateFailure => ({
  ...base,
  ok: false,
  code: 'status',
  status: code,
  body: errcode === undefined ? undefined : { errcode },
  headers: {},
})
/** No answer came. */
export const timeout = (untouched: boolean): GateFailure => ({ ...base, untouched, ok: false, code: 'timeout' })
export const cancelled: GateFailure = { ...base, ok: false, code: 'cancelled' }
export const malformed: GateFailure = { ...base, ok: false, code: 'malformed', status: 200 }

/** A homeserver that gives these answers, one after another, the last one again and again. */
export const answering = (...answers: readonly GateResult[]) => {
  const asked: Asked[] = []
  const homeserver: Pick<Homeserver, 'request' | 'userId'> = {
    userId: '@bot:x' as UserId,
    request: (method, path, { query, body }) => {
      asked.push({ method, path, query, body })
      const answer = answers[Math.min(asked.length, answers.length) - 1]
      if (answer === undefined) throw new Error('no answer was given')
      return Promise.resolve(answer)
    },
  }
  return { homeserver, asked }
}
