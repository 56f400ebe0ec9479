import { randomBytes, randomInt } from 'node:crypto'
import { Audit } from './audit/audit.ts'
import { authentikBreaker, createAuthentik } from './authentik/client.ts'
import type { Authentik } from './authentik/client.ts'
import { Acknowledger } from './chat/acknowledge.ts'
import { Dispatcher } from './chat/dispatcher.ts'
import { Executor } from './chat/execute.ts'
import { Lists } from './chat/lists.ts'
import { Community } from './chat/community.ts'
import { createParser } from './chat/parse.ts'
import { Pipeline } from './chat/pipeline.ts'
import { PlanStore } from './chat/plans.ts'
import { Roles } from './chat/roles.ts'
import { createCommands } from './commands/index.ts'
import type { Status } from './commands/status/status.ts'
import { declarations } from './commands/declarations.ts'
import type { Config } from './config/schema.ts'
import { openCrypto } from './crypto/open.ts'
import { RoomEncryptions } from './crypto/room-encryption.ts'
import type { Database } from './database/database.ts'
import { Accounts } from './directory/accounts.ts'
import { CatalogueFile, describeProblem } from './directory/catalogue.ts'
import { Directory } from './directory/directory.ts'
import { Links } from './directory/links.ts'
import { Repairer } from './directory/repairer.ts'
import { createEffectHandlers } from './effects/index.ts'
import { createGate } from './http/gate.ts'
import type { RequestSeen } from './http/gate.ts'
import { registerJobs } from './jobs/register.ts'
import { Scheduler } from './jobs/scheduler.ts'
import { Homeserver } from './matrix/client.ts'
import { DirectRooms } from './matrix/direct-rooms.ts'
import { createInvitationHandler } from './matrix/invitations.ts'
import { Journal } from './matrix/journal.ts'
import { Outbox } from './matrix/outbox.ts'
import { createDirectorySource, createQueries } from './matrix/queries.ts'
import { Session } from './matrix/session.ts'
import { SpecialRooms } from './matrix/special-rooms.ts'
import { SyncLoop } from './matrix/sync.ts'
import type { SyncBatch } from './matrix/sync.ts'
import { describeTemplateProblem, loadTemplates } from './onboarding/templates.ts'
import { systemClock } from './operations/clock.ts'
import type { Clock } from './operations/clock.ts'
import type { ExitReason } from './operations/exit-codes.ts'
import type { Checks } from './operations/health.ts'
import type { Logger } from './operations/logger.ts'
import type { Metrics } from './operations/metrics.ts'
import { registerSecret } from './operations/secrets.ts'
import { readVersion } from './operations/version.ts'
import { Sealed } from './database/sealed.ts'
import { SynapseAdmin } from './synapse/admin.ts'
import { ServerCapabilities } from './synapse/capabilities.ts'
import { unreadableAnswer } from './chat/unreadable.ts'

/** What the bot is built from. */
export interface AppOptions {
  readonly config: Config
  readonly database: Database
  readonly logger: Logger
  readonly checks: Checks
  readonly metrics: Metrics
  readonly clock?: Clock
  /** The bot cannot go on: the process ends with this reason. */
  readonly onFatal: (reason: ExitReason, words: string) => void
}

/** A running bot. */
export interface App {
  readonly engine: string
  readonly userId: string
  readonly deviceId: string
  /** Ends everything in order; what is open goes on at the next start. Takes less than ten seconds. */
  stop(): Promise<void>
}

export type AppStart =
  | { readonly ok: true; readonly app: App }
  | { readonly ok: false; readonly reason: ExitReason; readonly words: string }

/**
 * Builds the bot, from the bottom up, and starts it: gates and session, crypto, directory, chat, jobs, then the sync loop. Nothing is sent
 * before the device is signed.
 */
export const startApp = async (options: AppOptions): Promise<AppStart> => {
  const { config, database, logger, checks, metrics, onFatal, clock = systemClock } = options
  const failed = (reason: ExitReason, words: string): AppStart => ({ ok: false, reason, words })
  const onSecret = (secret: string): void => void registerSecret(secret)
  const startedAt = clock.now()
  const version = readVersion()
  const userAgent = `gatehouse/${version.version}`
  const gateOptions = (name: 'homeserver' | 'authentik') => ({
    name,
    logger,
    clock,
    userAgent,
    onRequest: (seen: RequestSeen) =>
      metrics.count('gatehouse_requests_total', { server: name, method: seen.method, route: seen.route, outcome: seen.outcome }),
  })

  const unlocked = await Sealed.unlock(database, config.crypto.passphrase, clock.now())
  if (!unlocked.ok) return failed('cryptoStore', 'crypto.passphrase is not the one that this data directory was made with')
  const { sealed } = unlocked
  const gate = createGate({
    baseUrl: config.homeserver.url,
    allowHttp: config.homeserver.url.startsWith('http:'),
    ...(config.homeserver.caFile === undefined ? {} : { caFile: config.homeserver.caFile }),
    ...gateOptions('homeserver'),
  })
  const opened = await Session.open({
    gate,
    sealed,
    clock,
    logger,
    onSecret,
    userId: config.homeserver.userId,
    deviceName: config.homeserver.deviceName,
    ...(config.homeserver.password === undefined ? {} : { password: config.homeserver.password }),
    ...(config.homeserver.accessToken === undefined ? {} : { accessToken: config.homeserver.accessToken }),
  })
  if (!opened.ok) {
    await gate.close(0)
    return failed(
      opened.code === 'unreachable' ? 'unreachable' : opened.code === 'no-credentials' ? 'tokenDead' : 'forbidden',
      opened.words,
    )
  }
  const homeserver = new Homeserver(gate, opened.session, () =>
    onFatal('tokenDead', 'the homeserver no longer accepts the session of the bot'),
  )

  const crypto = await openCrypto({ config, database, sealed, homeserver, clock, logger, onSecret, onFatal })
  if (!crypto.ok) {
    await gate.close(0)
    return failed(crypto.reason, crypto.words)
  }
  const { engine } = crypto

  const templates = loadTemplates({
    ...(config.templates.directory === undefined ? {} : { directory: config.templates.directory }),
    shared: sharedValues(config),
    extra: config.community.placeholders,
  })
  if (!templates.ok) return failed('config', templates.problems.map(describeTemplateProblem).join('\n'))
  const catalogue = new CatalogueFile(config.directory.catalogue)
  const read = catalogue.reload()
  if (!read.ok)
    return failed('config', `the catalogue ${config.directory.catalogue} cannot be used:\n${read.problems.map(describeProblem).join('\n')}`)

  const authentikGate = createGate({
    baseUrl: config.authentik.url,
    allowHttp: config.authentik.url.startsWith('http:'),
    ...(config.authentik.caFile === undefined ? {} : { caFile: config.authentik.caFile }),
    breaker: authentikBreaker,
    ...gateOptions('authentik'),
  })
  const authentik: Authentik = createAuthentik({
    gate: authentikGate,
    token: config.authentik.token,
    publicUrl: config.authentik.publicUrl,
  })

  const directory = new Directory(database, homeserver.userId, config.bridges)
  const encryptions = new RoomEncryptions(database, directory)
  const journal = new Journal(database)
  const links = new Links(database, clock)
  const accounts = new Accounts(database, clock)
  const audit = new Audit(database)
  const lists = new Lists(clock)
  const outbox = new Outbox({ database, homeserver, crypto: engine, encryptions, clock, logger })
  const directRooms = new DirectRooms({
    database,
    directory,
    homeserver,
    clock,
    logger,
    newMarker: () => randomBytes(12).toString('base64url'),
  })
  const rooms = new SpecialRooms({ database, directory, homeserver, directRooms, named: config.rooms })
  const queries = createQueries(homeserver)
  const adminGate =
    config.homeserver.adminUrl === undefined || config.homeserver.adminUrl === config.homeserver.url
      ? undefined
      : createGate({
          baseUrl: config.homeserver.adminUrl,
          allowHttp: config.homeserver.adminUrl.startsWith('http:'),
          ...(config.homeserver.caFile === undefined ? {} : { caFile: config.homeserver.caFile }),
          ...gateOptions('homeserver'),
        })
  const adminServer = adminGate === undefined ? homeserver : new Homeserver(adminGate, opened.session, () => undefined)
  const admin = new SynapseAdmin(adminServer)
  const capabilities = new ServerCapabilities({ config, admin, logger })
  const roles = new Roles({
    database,
    directory,
    configuration: config.roles,
    adminRoom: () => rooms.admin,
    groupsOf: (pk) => accounts.groupNames(pk),
  })
  const community = new Community({ config, directory, catalogue, places: rooms, accounts, links, lists, queries })
  const scheduler = new Scheduler({ database, clock, logger, random: Math.random })
  const repairer = new Repairer({
    directory,
    source: createDirectorySource(homeserver),
    clock,
    logger,
    onChanges: (changes) => reactTo({ initial: false, late: false, entries: [], changes }),
  })
  const plans = new PlanStore(database, (below) => randomInt(below))
  const handlers = createEffectHandlers({
    config,
    authentik,
    homeserver,
    directory,
    links,
    accounts,
    scheduler,
    directRooms,
    outbox,
    templates: templates.templates,
    capabilities,
    nameOf: community.nameOf,
    onSecret,
  })
  const executor = new Executor({ store: plans, handlers, clock, logger })
  const acknowledger = new Acknowledger({ homeserver, outbox, logger, exempt: () => capabilities.exempt })
  const parse = createParser(declarations)
  const status = (): Status => {
    const mirror = scheduler.open('authentik-mirror', 'all')
    const joined = directory.joinedRooms().length
    return {
      ...version,
      startedAt,
      engine: engine.engine,
      deviceId: opened.session.deviceId,
      identity: crypto.identity,
      sync: { lastAt: sync.lastAt, failing: sync.failing },
      authentik: {
        failing: (mirror?.attempts ?? 0) > 0 ? (mirror?.lastError ?? 'it does not answer') : undefined,
        accounts: accounts.count(),
        mirroredAt: accounts.mirroredAt(),
      },
      jobs: scheduler.counts(),
      directory: { syncedAt: directory.syncedAt(), rooms: joined, dirty: directory.dirtyRooms().length },
      undecrypted: dispatcher.waiting,
      server: { profile: config.homeserver.profile, admin: capabilities.admin, exempt: capabilities.exempt },
      problems: rooms.problems(),
    }
  }
  const commands = createCommands({
    config,
    database,
    clock,
    authentik,
    accounts,
    links,
    directory,
    catalogue,
    community,
    scheduler,
    audit,
    journal,
    roles,
    rooms,
    queries,
    admin,
    capabilities,
    repairer,
    status,
    templates: templates.templates,
    random: (below) => randomInt(below),
  })
  const pipeline = new Pipeline({
    database,
    journal,
    outbox,
    audit,
    acknowledger,
    plans,
    executor,
    roles,
    lists,
    clock,
    logger,
    parse,
    commands,
    resolverFor: community.resolverFor,
    nameOf: community.nameOf,
    bot: { userId: homeserver.userId, names: [config.commands.name], prefixes: config.commands.prefixes },
    trust: config.commands.trust,
    confirmWithinMs: config.commands.confirmWithin,
    roomKind: (roomId) => rooms.kindOf(roomId),
    roomEncrypted: (roomId) => encryptions.has(roomId),
    roomName: (roomId) => directory.room(roomId)?.name ?? roomId,
    directRoom: async (userId) => {
      const room = await directRooms.open(userId)
      return room.ok ? room.roomId : undefined
    },
    save: (command) =>
      scheduler.add({ kind: 'command', uniqueKey: command.eventId, payload: { ...command }, createdBy: command.asker, delayMs: 10_000 })
        .jobId,
    onInvitation: createInvitationHandler({
      homeserver,
      directory,
      directRooms,
      clock,
      logger,
      roleOf: (userId) => roles.of(userId),
      isNamed: (roomId) => rooms.isNamed(roomId),
      isMember: (userId) => community.isMember(userId),
    }),
    onUnreadable: unreadableAnswer(clock),
  })
  registerJobs({
    config,
    scheduler,
    authentik,
    accounts,
    directory,
    directRooms,
    homeserver,
    engine,
    outbox,
    templates: templates.templates,
    clock,
    logger,
    rooms,
    pipeline,
    repairer,
    journal,
    onSecret,
    random: (below) => randomInt(below),
  })
  const dispatcher = new Dispatcher({ crypto: engine, journal, clock, logger, handlers: pipeline })

  const wakeJobsOf = (userId: string): void => {
    scheduler.wake('welcome', userId)
    scheduler.wake('graduation', userId)
  }
  /** What a sync (or a repaired member list) means for everybody else. */
  const reactTo = (batch: SyncBatch): void => {
    directRooms.noticed([...batch.changes.newRooms, ...batch.changes.baselines])
    for (const { userId } of batch.changes.memberChanges) wakeJobsOf(userId)
    if (batch.changes.dirtyRooms.length > 0 || batch.initial) repairer.soon()
    if (batch.initial || batch.changes.leftRooms.length > 0) {
      rooms.settle().catch((error: unknown) => logger.error({ err: error }, 'the configured rooms could not be settled'))
    }
    dispatcher.dispatch(batch.entries)
  }
  engine.onDevicesChanged((userIds) => {
    for (const userId of userIds) scheduler.wake('welcome', userId)
  })
  const sync = new SyncLoop({
    homeserver,
    crypto: engine,
    encryptions,
    database,
    directory,
    journal,
    clock,
    logger,
    watches: (roomId) => rooms.kindOf(roomId) !== undefined,
    onBatch: reactTo,
  })

  checks.register('sync', () =>
    sync.failing === undefined && sync.lastAt !== undefined
      ? { ok: true, words: 'in step with the homeserver' }
      : { ok: false, words: sync.failing ?? 'the first sync is not done yet' },
  )
  checks.register('rooms', () => {
    const problems = rooms.problems()
    return problems.length === 0 ? { ok: true, words: 'in INDOC and the admin room' } : { ok: false, words: problems.join('; ') }
  })
  checks.register('identity', () => ({ ok: true, words: `device ${homeserver.session.deviceId} is signed (${crypto.identity})` }))

  await rooms.settle()
  outbox.start()
  scheduler.start()
  repairer.soon()
  capabilities.probe().catch((error: unknown) => logger.error({ err: error }, 'the rights of the bot could not be found out'))
  dispatcher.start()
  sync.run().catch((error: unknown) => {
    logger.fatal({ err: error }, 'a sync could not be stored')
    onFatal('bug', 'a sync could not be stored')
  })

  return {
    ok: true,
    app: {
      engine: engine.engine,
      userId: homeserver.userId,
      deviceId: homeserver.session.deviceId,
      stop: async () => {
        await sync.stop()
        await Promise.all([dispatcher.stop(4000), scheduler.stop(4000), repairer.stop()])
        acknowledger.close()
        await outbox.close()
        await Promise.all([gate.close(500), authentikGate.close(500), adminGate?.close(500)])
        await engine.close()
        crypto.store.close()
      },
    },
  }
}

const sharedValues = (config: Config) => {
  const { community } = config
  return {
    community: community.name,
    bot: config.homeserver.deviceName,
    ssoUrl: community.ssoUrl,
    ...(community.appUrl === undefined ? {} : { appUrl: community.appUrl }),
    ...(community.rulesUrl === undefined ? {} : { rulesUrl: community.rulesUrl }),
    ...(community.guideUrl === undefined ? {} : { guideUrl: community.guideUrl }),
    ...(community.contact === undefined ? {} : { contact: community.contact }),
    ...(community.supportRoom === undefined
      ? {}
      : { supportRoom: { name: community.supportRoom, url: `https://matrix.to/#/${encodeURIComponent(community.supportRoom)}` } }),
  }
}
