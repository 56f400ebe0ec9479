import type { Config } from '../config/schema.ts'
import type { Gate } from '../http/contract.ts'
import { createGate } from '../http/gate.ts'
import { createOAuthGates } from '../matrix/oauth-gates.ts'
import { systemClock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import { readVersion } from '../operations/version.ts'

/** The ways to the homeserver of a command that is over soon: no metrics, nothing paced. */
export interface HomeserverGates {
  readonly gate: Gate
  readonly gateTo: ReturnType<typeof createOAuthGates>['gateTo']
  readonly close: () => Promise<void>
}

/** Opens them. Close them before the command ends. */
export const openGates = (settings: Config['homeserver'], logger: Logger): HomeserverGates => {
  const gateTo = (baseUrl: string): Gate =>
    createGate({
      name: 'homeserver',
      baseUrl,
      // The configuration has checked that plain http stays on this machine or was asked for.
      allowHttp: baseUrl.startsWith('http:'),
      ...(settings.caFile === undefined ? {} : { caFile: settings.caFile }),
      logger,
      clock: systemClock,
      userAgent: `gatehouse/${readVersion().version}`,
    })
  const gate = gateTo(settings.url)
  const oauth = createOAuthGates(gateTo)
  return { gate, gateTo: oauth.gateTo, close: async () => void (await Promise.all([gate.close(0), oauth.close(0)])) }
}
