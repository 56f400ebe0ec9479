import type { TestProject } from 'vitest/node'
import { startSynapse, type HomeserverCoordinates, type Synapse } from './homeserver/synapse.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The run's shared homeserver; each test makes users and rooms of its own on it. */
    readonly homeserver: HomeserverCoordinates
  }
}

let synapse: Synapse | undefined

/** Installs Synapse where needed and starts the one `own-server` that all tests of a run share. */
export const setup = async (project: TestProject): Promise<void> => {
  synapse = await startSynapse({ profile: 'own-server', say: (line) => console.error(line) })
  project.provide('homeserver', synapse.coordinates)
}

export const teardown = async (): Promise<void> => {
  await synapse?.stop()
}
