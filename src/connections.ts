import { authentikBreaker, createAuthentik } from './authentik/client.ts'
import type { Authentik } from './authentik/client.ts'
import type { Config } from './config/schema.ts'
import type { BackupEngine } from './crypto/backup-engine.ts'
import type { Engine } from './crypto/engine.ts'
import { openCrypto } from './crypto/open.ts'
import { loadEngine } from './crypto/wasm-engine.ts'
import type { Database } from './database/database.ts'
import { Sealed, wrongPassphrase } from './database/sealed.ts'
import { createGate } from './http/gate.ts'
import type { GateOptions, RequestSeen } from './http/gate.ts'
import { Homeserver } from './matrix/client.ts'
import { SendingBudget } from './matrix/sending-budget.ts'
import { sentLately } from './matrix/sent-lately.ts'
import { createOAuthGates } from './matrix/oauth-gates.ts'
import { exitReasonOf } from './matrix/session-failure.ts'
import { sessionSettings } from './matrix/session-settings.ts'
import { Session } from './matrix/session.ts'
import type { Clock } from './operations/clock.ts'
import type { ExitReason } from './operations/exit-codes.ts'
import type { Logger } from './operations/logger.ts'
import type { Metrics } from './operations/metrics.ts'
import { SynapseAdmin } from './synapse/admin.ts'

/** Everything that reaches out: gates, the session on the homeserver, the crypto engine, Authentik. */
export interface Connections {
  readonly homeserver: Homeserver
  readonly admin: SynapseAdmin
  readonly authentik: Authentik
  readonly engine: Engine
  /** The same engine, as far as it backs keys up. */
  readonly backupEngine: BackupEngine
  /** How the identity was found or made, in words. */
  readonly identity: string
  /** Closes the gates, then the engine and its store. */
  close(): Promise<void>
}

export type ConnectionsResult =
  | { readonly ok: true; readonly connections: Connections }
  | { readonly ok: false; readonly reason: ExitReason; readonly words: string }

export interface ConnectionsOptions {
  readonly config: Config
  readonly database: Database
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock: Clock
  readonly userAgent: string
  readonly onSecret: (secret: string) => void
  readonly onFatal: (reason: ExitReason, words: string) => void
}

/** How long running requests may take when the program stops (milliseconds). */
const graceMs = 500
/** Row of `meta`: when the homeserver refused something because of its limits. */
const limitsMet = 'limits.met'

/**
 * Unlocks the sealed values, opens the session (logging in on the first start) and the crypto engine with a signed device. A warm start makes no
 * request here.
 */
export const openConnections = async (options: ConnectionsOptions): Promise<ConnectionsResult> => {
  const { config, database, logger, clock, onSecret, onFatal } = options
  const { homeserver: settings } = config
  const count = (server: 'homeserver' | 'authentik', { method, route, outcome }: RequestSeen): void =>
    options.metrics.count('gatehouse_requests_total', { server, method, route, outcome })
  const gateTo = (name: 'homeserver' | 'authentik', baseUrl: string, caFile: string | undefined, more: Partial<GateOptions> = {}) =>
    createGate({
      name,
      baseUrl,
      // The configuration has checked that plain http stays on this machine or was asked for.
      allowHttp: baseUrl.startsWith('http:'),
      ...(caFile === undefined ? {} : { caFile }),
      logger,
      clock,
      userAgent: options.userAgent,
      beforeAttempt: () => database.settle(),
      onRequest: ({ method, route, outcome }) =>
        options.metrics.count('gatehouse_requests_total', { server: name, method, route, outcome }),
      ...more,
    })

  // Compiled beside this thread while the key is derived, which needs no thread of ours either. Its failure is met and told where it is opened.
  if (config.crypto.engine === 'wasm') loadEngine().catch(() => undefined)
  const unlocked = await Sealed.unlock(database, config.crypto.passphrase, clock.now())
  if (!unlocked.ok) {
    return { ok: false, reason: 'cryptoStore', words: wrongPassphrase }
  }
  const limitsMetAt = database.meta(limitsMet)
  const budget = new SendingBudget(clock, {
    foreign: config.homeserver.profile === 'stranger',
    sent: sentLately(database, clock.now()),
    tries: settings.rateLimits === 'find-out',
    metAt: limitsMetAt === undefined ? undefined : Number(limitsMetAt),
    onMet: (at) => database.setMeta(limitsMet, String(at)),
  })
  const gate = gateTo('homeserver', settings.url, settings.caFile, {
    onRequest: (seen) => {
      count('homeserver', seen)
      if (seen.outcome === '429') budget.refused(seen.route)
    },
  })
  const oauth = createOAuthGates((origin) => gateTo('homeserver', origin, settings.caFile))
  const fail = async (reason: ExitReason, words: string): Promise<ConnectionsResult> => {
    await Promise.all([gate.close(0), oauth.close(0)])
    return { ok: false, reason, words }
  }
  const opened = await Session.open({
    gate,
    gateTo: oauth.gateTo,
    sealed: unlocked.sealed,
    clock,
    logger,
    onSecret,
    ...sessionSettings(settings),
  })
  if (!opened.ok) return fail(exitReasonOf(opened), opened.words)
  const homeserver = new Homeserver(gate, opened.session, (end) => onFatal(exitReasonOf(end), end.words), budget)
  const crypto = await openCrypto({ config, database, sealed: unlocked.sealed, homeserver, clock, logger, onSecret, onFatal })
  if (!crypto.ok) return fail(crypto.reason, crypto.words)

  const adminGate =
    settings.adminUrl === undefined || settings.adminUrl === settings.url
      ? undefined
      : gateTo('homeserver', settings.adminUrl, settings.caFile)
  const authentikGate = gateTo('authentik', config.authentik.url, config.authentik.caFile, { breaker: authentikBreaker })
  const connections: Connections = {
    homeserver,
    admin: new SynapseAdmin(adminGate === undefined ? homeserver : new Homeserver(adminGate, opened.session, () => undefined)),
    authentik: createAuthentik({ gate: authentikGate, token: config.authentik.token, publicUrl: config.authentik.publicUrl }),
    engine: crypto.engine,
    backupEngine: crypto.backup,
    identity: crypto.identity,
    close: async () => {
      budget.close()
      await Promise.all([gate.close(graceMs), authentikGate.close(graceMs), adminGate?.close(graceMs), oauth.close(graceMs)])
      await crypto.engine.close()
      crypto.store.close()
    },
  }
  return { ok: true, connections }
}
