import type { Gate } from '../http/contract.ts'
import type { GateTo } from './oauth-endpoints.ts'

/** The ways to authorization servers, one for each address, made when they are needed first. */
export interface OAuthGates {
  readonly gateTo: GateTo
  /** Closes those that were made. */
  close(graceMs: number): Promise<void>
}

/** @param make opens the way to an origin */
export const createOAuthGates = (make: (origin: string) => Gate): OAuthGates => {
  const gates = new Map<string, Gate>()
  return {
    gateTo: (origin) => {
      const gate = gates.get(origin) ?? make(origin)
      gates.set(origin, gate)
      return gate
    },
    close: async (graceMs) => {
      await Promise.all([...gates.values()].map((gate) => gate.close(graceMs)))
    },
  }
}
