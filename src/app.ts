import { randomBytes, randomInt } from 'node:crypto'
import { Audit } from './audit/audit.ts'
import { Acknowledger } from './chat/acknowledge.ts'
import { Dispatcher } from './chat/dispatcher.ts'
import { Executor } from './chat/execute.ts'
import { HeldCommands } from './chat/held-commands.ts'
import { IdentityGate } from './chat/identity-gate.ts'
import { Lists } from './chat/lists.ts'
import { neededKeys } from './chat/needed-keys.ts'
import { Community } from './chat/community.ts'
import { openMessage } from './chat/incoming.ts'
import type { IncomingMessage, Transport } from './chat/incoming.ts'
import { createParser } from './chat/parse.ts'
import { DeviceHint } from './chat/device-hint.ts'
import { Elsewhere } from './chat/elsewhere.ts'
import { Bridges } from './onboarding/bridges.ts'
import { Pipeline } from './chat/pipeline.ts'
import { PlanStore } from './chat/plans.ts'
import { reportQuarantine } from './chat/quarantine-report.ts'
import { Roles } from './chat/roles.ts'
import { createCommands } from './commands/index.ts'
import type { Status } from './commands/status/status.ts'
import { declarations } from './commands/declarations.ts'
import type { Config } from './config/schema.ts'
import { followMembers } from './crypto/follow-members.ts'
import { createKeyBackup } from './crypto/open-backup.ts'
import { sharingFor } from './crypto/key-sharing.ts'
import { exitReasonOfKeys } from './crypto/open.ts'
import { OwnKeysWatch } from './crypto/own-keys-watch.ts'
import { PersonIdentities } from './crypto/person-identities.ts'
import { RoomEncryptions } from './crypto/room-encryption.ts'
import type { Database } from './database/database.ts'
import { Accounts } from './directory/accounts.ts'
import { Directory } from './directory/directory.ts'
import { Links } from './directory/links.ts'
import { holderProblem, protectedAccount } from './directory/protected-account.ts'
import { Repairer } from './directory/repairer.ts'
import { createEffectHandlers } from './effects/index.ts'
import { registerJobs } from './jobs/register.ts'
import { Scheduler } from './jobs/scheduler.ts'
import { DirectRooms } from './matrix/direct-rooms.ts'
import { createInvitationHandler } from './matrix/invitations.ts'
import { Journal } from './matrix/journal.ts'
import { Outbox } from './matrix/outbox.ts'
import { createDirectorySource, createQueries } from './matrix/queries.ts'
import { readersOf } from './matrix/read-receipts.ts'
import { SpecialRooms } from './matrix/special-rooms.ts'
import { SyncLoop } from './matrix/sync.ts'
import { UnreadMessages } from './matrix/unread.ts'
import type { SyncBatch } from './matrix/sync.ts'
import { openConnections } from './connections.ts'
import { createIndocParts } from './indoc-parts.ts'
import { createArrivalPorts } from './onboarding/arrival-ports.ts'
import type { DeliveryPorts } from './onboarding/deliver-credentials.ts'
import { readOperatorFiles } from './onboarding/files.ts'
import { createLinkByCode } from './onboarding/link-by-code.ts'
import { makePassphrase } from './onboarding/passphrase.ts'
import { newLinkCode, PendingLinks } from './onboarding/pending-links.ts'
import { createRivals } from './onboarding/rivals.ts'
import { createRecoveryEmail } from './onboarding/recovery-email.ts'
import { createResend } from './onboarding/resend.ts'
import { systemClock } from './operations/clock.ts'
import type { Clock } from './operations/clock.ts'
import type { ExitReason } from './operations/exit-codes.ts'
import type { Checks } from './operations/health.ts'
import type { Logger } from './operations/logger.ts'
import type { Metrics } from './operations/metrics.ts'
import { registerSecret } from './operations/secrets.ts'
import { readVersion } from './operations/version.ts'
import { ServerCapabilities } from './synapse/capabilities.ts'
import { Unreadable } from './chat/unreadable.ts'
import type { RoomId, UserId } from './types.ts'

/** How often the configured rooms are tried again while the bot is not in them (milliseconds). */
const settleEveryMs = 30_000

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
  const onSecret = (secret: string): void => void registerSecret(secret)
  const startedAt = clock.now()
  const version = readVersion()
  const userAgent = `gatehouse/${version.version}`
  const files = readOperatorFiles(config)
  if (!files.ok) return { ok: false, reason: 'config', words: files.words }
  const { templates, catalogue } = files
  const opened = await openConnections({ config, database, logger, metrics, clock, userAgent, onSecret, onFatal })
  if (!opened.ok) return opened
  const { homeserver, admin, authentik, engine, backupEngine, identity } = opened.connections

  const directory = new Directory(database, homeserver.userId, config.bridges)
  const encryptions = new RoomEncryptions(database, directory, (roomId) => sharingFor(config.crypto.shareKeysWith, rooms.kindOf(roomId)))
  const journal = new Journal(database)
  const links = new Links(database, clock)
  const accounts = new Accounts(database, clock)
  const audit = new Audit(database)
  const lists = new Lists(clock)
  const outbox = new Outbox({
    database,
    homeserver,
    crypto: engine,
    encryptions,
    fetchMembers: (roomId) => repairer.whole(roomId),
    clock,
    logger,
  })
  const directRooms = new DirectRooms({
    database,
    directory,
    homeserver,
    clock,
    logger,
    isEncrypted: (roomId) => encryptions.has(roomId),
    newMarker: () => randomBytes(12).toString('base64url'),
  })
  const rooms = new SpecialRooms({ database, directory, homeserver, directRooms, named: config.rooms })
  const keyBackup = createKeyBackup({
    ...options,
    clock,
    homeserver,
    config: config.crypto,
    crypto: engine,
    engine: backupEngine,
    rooms: () => rooms,
    onSecret,
  })
  const queries = createQueries(homeserver)
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
  const life = createIndocParts({
    config,
    authentik,
    database,
    directory,
    accounts,
    links,
    roles,
    community,
    rooms,
    directRooms,
    scheduler,
    homeserver,
    outbox,
    templates,
    clock,
  })
  const repairer = new Repairer({
    directory,
    source: createDirectorySource(homeserver),
    clock,
    logger,
    onChanges: (changes) => {
      database.transaction(() => life.indoc.changed(changes))
      followMembers(engine, encryptions, changes)
      reactTo({ initial: false, late: false, entries: [], changes })
    },
  })
  const identities = new PersonIdentities(database, clock)
  const identityGate = new IdentityGate({
    identities,
    outbox,
    adminRoom: () => rooms.admin,
    roleOf: (userId) => roles.of(userId),
    identityKey: (userId) => engine.identityKey(userId),
    nameOf: community.nameOf,
    prefix: config.commands.prefixes[0] ?? '!',
    logger,
  })
  const ownKeys = new OwnKeysWatch({
    check: () => engine.checkOwnKeys(),
    clock,
    onProblem: (problem) => onFatal(exitReasonOfKeys(problem), problem.words),
  })
  const lookAtIdentities = (userIds: readonly UserId[]): void => {
    identityGate.look(userIds).catch((error: unknown) => logger.error({ err: error }, 'the identities of people could not be looked at'))
  }
  const plans = new PlanStore(database, (below) => randomInt(below))
  const delivery: DeliveryPorts = {
    authentik,
    credentials: config.credentials,
    newPassphrase: () => makePassphrase((below) => randomInt(below)).text,
    holderProblem: (userId, pk) => holderProblem(links, accounts, userId, pk),
    onSecret,
    directRooms,
    directory,
    crypto: engine,
    outbox,
    templates,
    clock,
  }
  const pending = new PendingLinks(database, clock)
  const email = createRecoveryEmail({ authentik, stage: config.credentials.emailStage, linkLifetime: config.credentials.linkLifetime })
  const handlers = createEffectHandlers({
    newcomerParts: life.newcomerParts,
    delivery,
    rival: createRivals(database),
    handOver: {
      pending,
      email,
      newCode: () => newLinkCode((below) => randomInt(below)),
      protectedAccount: (pk) => protectedAccount(accounts, (name) => roles.isRoleGroup(name), pk),
    },
    queries,
    config,
    authentik,
    homeserver,
    directory,
    links,
    accounts,
    scheduler,
    directRooms,
    outbox,
    templates,
    capabilities,
    identities,
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
      deviceId: homeserver.session.deviceId,
      identity: `${identity}; ${ownKeys.state.words}`,
      changedIdentities: identities.changed().map(({ userId }) => userId),
      backup: keyBackup.state,
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
  const arrival = createArrivalPorts({
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
    roles,
    rooms,
    capabilities,
    random: (below) => randomInt(below),
  })
  const commands = createCommands({
    arrival,
    pending,
    newcomers: life.newcomers,
    inviterOf: life.inviterOf,
    isOwnMessage: (eventId) => outbox.isOwn(eventId),
    config,
    database,
    clock,
    authentik,
    accounts,
    links,
    directory,
    directRooms,
    readers: (roomIds) => readersOf(homeserver, roomIds),
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
    templates,
    random: (below) => randomInt(below),
    identityOf: {
      remembered: (userId) => identities.of(userId),
      shown: async (userId) => ((await engine.queryDevices(userId)) === undefined ? undefined : await engine.identityKey(userId)),
    },
  })
  const bridges = new Bridges({ settings: config.bridges, database, directory })
  const answerInvitation = createInvitationHandler({
    homeserver,
    directory,
    directRooms,
    clock,
    logger,
    roleOf: (userId) => roles.of(userId),
    isNamed: (roomId) => rooms.isNamed(roomId),
    isBridge: (userId) => bridges.mayInvite(userId),
    isMember: (userId) => community.isMember(userId),
  })
  const elsewhere = new Elsewhere({
    parse,
    address: { prefixes: config.commands.prefixes, botUserId: homeserver.userId, botNames: [config.commands.name] },
    clock,
  })
  const linkByCode = createLinkByCode({
    database,
    pending,
    links,
    personOf: (roomId) => directRooms.personOf(roomId),
    hasRole: (userId) => roles.of(userId) !== 'everyone',
    isBridged: (userId) => directory.bridged.bridgeOf(userId) !== undefined,
    scheduler,
    outbox,
    clock,
  })
  const resend = createResend({
    personOf: (roomId) => directRooms.personOf(roomId),
    links,
    mayHaveCredentials: (userId, pk) =>
      roles.of(userId) === 'everyone' &&
      accounts.get(pk)?.active === true &&
      protectedAccount(accounts, (name) => roles.isRoleGroup(name), pk) === undefined,
    scheduler,
    nameOf: (userId) => directory.displayName(userId),
    clock,
  })
  const directRoom = async (userId: UserId): Promise<RoomId | undefined> => {
    const room = await directRooms.open(userId)
    return room.ok ? room.roomId : undefined
  }
  const unreadable = new Unreadable({
    database,
    journal,
    outbox,
    audit,
    acknowledger,
    clock,
    logger,
    directRoom,
    deviceId: homeserver.session.deviceId,
    roomKind: (roomId) => rooms.kindOf(roomId),
    onIndoc: (entry) => life.indoc.unreadable(entry),
  })
  const freshTrust = async ({ entry }: IncomingMessage): Promise<Transport | undefined> => {
    if ((await engine.queryDevices(entry.sender)) === undefined) return undefined
    const opened = await openMessage(entry, engine)
    return opened.kind === 'message' ? opened.message.transport : undefined
  }
  const deviceHint = new DeviceHint({
    outbox,
    directRoom,
    freshTrust,
    sharing: (roomId) => sharingFor(config.crypto.shareKeysWith, rooms.kindOf(roomId)),
    roomName: (roomId) => directory.room(roomId)?.name ?? roomId,
    clock,
    logger,
  })
  const pipeline = new Pipeline({
    deviceHint,
    database,
    journal,
    outbox,
    audit,
    acknowledger,
    plans,
    held: new HeldCommands(database, (below) => randomInt(below)),
    executor,
    roles,
    lists,
    clock,
    logger,
    parse,
    elsewhere,
    commands,
    resolverFor: community.resolverFor,
    nameOf: community.nameOf,
    bot: { userId: homeserver.userId, names: [config.commands.name], prefixes: config.commands.prefixes },
    trust: config.commands.trust,
    believe: (userId, role, transport) => identityGate.believe(userId, role, transport),
    freshTrust,
    confirmWithinMs: config.commands.confirmWithin,
    roomKind: (roomId, sender) => rooms.kindFor(roomId, sender),
    roomEncrypted: (roomId) => encryptions.has(roomId),
    roomName: (roomId) => directory.room(roomId)?.name ?? roomId,
    directRoom,
    save: (command) =>
      scheduler.add({ kind: 'command', uniqueKey: command.eventId, payload: { ...command }, createdBy: command.asker, delayMs: 10_000 })
        .jobId,
    onText: (message, kind) => {
      if (life.heard(message, kind)) return Promise.resolve()
      if (kind === 'dm' && !resend(message)) linkByCode(message)
      return Promise.resolve()
    },
    bridgeSaid: ({ entry, body, relations }) => {
      if (!bridges.speaks(entry.roomId, entry.sender)) return false
      if (relations.replyTo === undefined) return true
      bridges.note(relations.replyTo, body, clock.now())
      scheduler.wakeAll('bridged-welcome')
      return true
    },
    onInvitation: async ({ roomId, sender, event, receivedAt }) => {
      const invitation = { roomId, sender, isDirect: 'is_direct' in event && event['is_direct'] === true, receivedAt }
      const unanswered = await answerInvitation(invitation)
      if (unanswered !== undefined)
        scheduler.add({
          kind: 'invitation',
          uniqueKey: `${roomId} ${sender}`,
          payload: invitation,
          delayMs: unanswered.retryAfterMs ?? 2000,
        })
    },
    onUnreadable: (entry, cause) => unreadable.close(entry, cause),
  })
  registerJobs({
    introductions: life.introductions,
    vouching: life.vouching,
    config,
    delivery,
    arrival,
    plans,
    executor,
    email,
    scheduler,
    authentik,
    accounts,
    directory,
    directRooms,
    homeserver,
    engine,
    outbox,
    templates,
    clock,
    logger,
    rooms,
    roles,
    pipeline,
    answerInvitation,
    repairer,
    journal,
    bridges,
    isEncrypted: (roomId) => encryptions.has(roomId),
    onSecret,
  })
  const dispatcher = new Dispatcher({ crypto: engine, journal, unread: new UnreadMessages(database), clock, logger, handlers: pipeline })

  const wakeJobsOf = (userId: string): void => {
    for (const kind of ['welcome', 'bridged-welcome', 'credentials', 'graduation']) scheduler.wake(kind, userId)
  }
  let settledAt = clock.now()
  /** What a sync (or a repaired member list) means for everybody else. */
  const reactTo = (batch: SyncBatch): void => {
    directRooms.noticed([...batch.changes.newRooms, ...batch.changes.baselines, ...batch.changes.memberChanges.map(({ roomId }) => roomId)])
    for (const { userId } of batch.changes.memberChanges) wakeJobsOf(userId)
    // A bridge's new chat is known once its list of members is.
    if (batch.changes.baselines.length > 0 || batch.changes.newRooms.length > 0) scheduler.wakeAll('bridged-welcome')
    if (batch.changes.dirtyRooms.length > 0 || batch.initial) repairer.soon()
    // What failed before (an alias that was not there yet, a join that was refused) is tried again, but not with every sync.
    const unsettled = rooms.problems().length > 0 && clock.now() - settledAt > settleEveryMs
    if (batch.initial || batch.changes.leftRooms.length > 0 || unsettled) {
      settledAt = clock.now()
      rooms.settle().catch((error: unknown) => logger.error({ err: error }, 'the configured rooms could not be settled'))
    }
    dispatcher.dispatch(batch.entries)
  }
  engine.onDevicesChanged((userIds) => {
    for (const userId of userIds) for (const kind of ['welcome', 'credentials']) scheduler.wake(kind, userId)
    lookAtIdentities(userIds)
  })
  const watches = (roomId: RoomId): boolean => rooms.kindOf(roomId) !== undefined || bridges.isManagementRoom(roomId)
  engine.keepOnly(
    neededKeys({
      namedRoomsKnown: () => rooms.indoc !== undefined && rooms.admin !== undefined,
      watches,
      roleOf: (userId) => roles.of(userId),
      room: (roomId) => directory.room(roomId),
    }),
  )
  const sync = new SyncLoop({
    homeserver,
    crypto: engine,
    encryptions,
    database,
    directory,
    journal,
    clock,
    logger,
    watches,
    overhears: (event) => elsewhere.concerns(event, roles.of(event.sender)),
    inCommit: (changes) => life.indoc.changed(changes),
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
  // Without a backup the bot still does all its work: words for the operator, but no reason to call it not ready.
  checks.register('backup', () => ({ ok: true, words: keyBackup.state.words }))
  checks.register('identity', () => ({
    ok: ownKeys.state.ok,
    words: `device ${homeserver.session.deviceId}: ${identity}; ${ownKeys.state.words}`,
  }))

  await rooms.settle()
  lookAtIdentities(roles.named())
  ownKeys.run().catch((error: unknown) => logger.error({ err: error }, "the bot's own keys could not be compared"))
  outbox.start()
  reportQuarantine({ quarantine: engine.quarantine, database, outbox, adminRoom: rooms.admin, checks, metrics })
  scheduler.start()
  repairer.soon()
  capabilities.probe().catch((error: unknown) => logger.error({ err: error }, 'the rights of the bot could not be found out'))
  dispatcher.start()
  keyBackup.start()
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
        ownKeys.stop()
        await sync.stop()
        await Promise.all([dispatcher.stop(4000), scheduler.stop(4000), repairer.stop(), keyBackup.stop(4000)])
        acknowledger.close()
        // Together: a message may be waiting for keys that the server does not give, which only the gate can end.
        await Promise.all([outbox.close(), opened.connections.close()])
      },
    },
  }
}
