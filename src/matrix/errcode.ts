import type { GateFailure } from '../http/contract.ts'

const json = (failure: GateFailure): Record<string, unknown> =>
  failure.code === 'status' && typeof failure.body === 'object' && failure.body !== null ? (failure.body as Record<string, unknown>) : {}

/** The error code of a Matrix error answer (spec: `errcode`), if it is one. */
export const errcode = (failure: GateFailure): string | undefined => {
  const value = json(failure)['errcode']
  return typeof value === 'string' ? value : undefined
}

/** Does the server say that only the token has ended while the device stays (spec: "Soft logout")? */
export const isSoftLogout = (failure: GateFailure): boolean => json(failure)['soft_logout'] === true
