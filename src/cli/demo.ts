import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ExitReason } from '../operations/exit-codes.ts'
import { complain } from './contract.ts'
import type { Execute } from './contract.ts'

/** Options of `gatehouse demo`. */
export interface DemoOptions {
  /** Play the whole story without input. */
  readonly script?: boolean
  /** Run without a prompt until SIGTERM. */
  readonly serve?: boolean
  readonly profile: 'own-server' | 'stranger'
}

interface DemoModule {
  readonly runDemo: (options: DemoOptions) => Promise<ExitReason>
}

/** `gatehouse demo`: the demo stands on the test support, which is part of a source checkout only; so it is found at run time. */
export const execute: Execute<DemoOptions> = async (options) => {
  const location = new URL('../../tests/demo/main.ts', import.meta.url)
  if (!existsSync(fileURLToPath(location))) {
    complain('The demo needs a source checkout: it starts the homeserver of the tests, which is not part of this installation.')
    return 'failed'
  }
  const { runDemo } = (await import(location.href)) as DemoModule
  return runDemo(options)
}
