import { authentikBreaker } from '../authentik/client.ts'
import type { Authentik } from '../authentik/client.ts'
import { messageContent } from '../matrix/message.ts'
import type { Executor } from '../chat/execute.ts'
import type { PlanStore } from '../chat/plans.ts'
import { renderAnswer } from '../chat/render.ts'
import type { Pipeline } from '../chat/pipeline.ts'
import type { Roles } from '../chat/roles.ts'
import type { SavedCommand } from '../chat/saved.ts'
import type { Config } from '../config/schema.ts'
import type { CryptoPort } from '../crypto/port.ts'
import type { Database } from '../database/database.ts'
import type { Accounts } from '../directory/accounts.ts'
import type { Directory } from '../directory/directory.ts'
import type { Repairer } from '../directory/repairer.ts'
import type { Homeserver } from '../matrix/client.ts'
import type { DirectRooms } from '../matrix/direct-rooms.ts'
import type { createInvitationHandler, PendingInvitation } from '../matrix/invitations.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { SpecialRooms } from '../matrix/special-rooms.ts'
import { createBridgedWelcomeHandler, isSent } from '../onboarding/bridged-welcome.ts'
import type { Bridges } from '../onboarding/bridges.ts'
import { createCredentialsHandler } from '../onboarding/deliver-credentials.ts'
import type { DeliveryPorts } from '../onboarding/deliver-credentials.ts'
import { createAfterLinkHandler } from '../onboarding/arrival-after-link.ts'
import type { ArrivalPorts } from '../onboarding/arrival-wish.ts'
import type { Mailed } from '../onboarding/recovery-email.ts'
import { createGraduationHandler } from '../onboarding/graduation.ts'
import { createDeadlineHandler, createPromptHandler } from '../onboarding/introduction-jobs.ts'
import type { IntroductionJobOptions } from '../onboarding/introduction-jobs.ts'
import { createInviteHandler } from '../onboarding/invite-job.ts'
import { quietFor, untilTimeOfDay } from '../onboarding/quiet-hours.ts'
import type { Templates } from '../onboarding/templates.ts'
import { createVouchAttributeHandler, createVouchHandler } from '../onboarding/vouch.ts'
import type { VouchOptions } from '../onboarding/vouch.ts'
import { createWelcomeHandler } from '../onboarding/welcome.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { RoomId, UserId } from '../types.ts'
import { createHousekeepingHandler, housekeepingKind } from './housekeeping.ts'
import { createMirrorHandler } from './mirror.ts'
import type { Scheduler } from './scheduler.ts'

export interface JobParts {
  readonly delivery: DeliveryPorts
  readonly arrival: ArrivalPorts
  readonly plans: PlanStore
  readonly executor: Executor
  /** Authentik's own e-mail with a link to choose a password. */
  readonly email: (account: { readonly pk: number }) => Promise<Mailed>
  readonly config: Config
  readonly database: Database
  readonly metrics: Pick<Metrics, 'count'>
  readonly scheduler: Scheduler
  readonly authentik: Authentik
  readonly accounts: Accounts
  readonly directory: Directory
  readonly directRooms: DirectRooms
  readonly homeserver: Homeserver
  readonly engine: CryptoPort
  readonly outbox: Outbox
  readonly templates: Templates
  readonly clock: Clock
  readonly logger: Logger
  readonly rooms: SpecialRooms
  readonly roles: Roles
  /** Why only an admin may touch an account: `protectedAccount`. */
  readonly protectedAccount: (pk: number) => string | undefined
  readonly pipeline: Pipeline
  readonly answerInvitation: ReturnType<typeof createInvitationHandler>
  readonly introductions: IntroductionJobOptions
  readonly vouching: VouchOptions
  readonly repairer: Repairer
  readonly bridges: Bridges
  readonly isEncrypted: (roomId: RoomId) => boolean
  readonly onSecret: (secret: string) => void
}

/** How long a saved command is tried again (milliseconds). */
const savedForMs = 3_600_000
/** How long an invitation is tried that cannot be answered (milliseconds). */
const dayMs = 24 * 3_600_000
/** The breaker lets one question through in this time, so asking more seldom would only make people wait. */
const savedEveryMs = authentikBreaker.openMs

/** Names who does which jobs, and adds those that run for ever. */
export const registerJobs = (parts: JobParts): void => {
  const { config, scheduler, clock, logger, outbox, rooms } = parts
  const nameOf = (userId: string): string => parts.directory.label(userId as UserId)
  /** A job that died is told to the people who can do something about it. */
  const alert = (key: string, text: string, askedBy: string): void => {
    const { admin } = rooms
    if (admin === undefined) return
    const mentions = askedBy.startsWith('@') ? [askedBy as UserId] : []
    outbox.add({
      txnId: transactionId(key, 'alert'),
      roomId: admin,
      type: 'm.room.message',
      content: messageContent({ body: text, mentions }, 'm.notice'),
    })
    outbox.kick(admin)
  }

  scheduler.register(
    'welcome',
    createWelcomeHandler({
      ...parts,
      ...parts.delivery,
      delayMs: config.welcome.delay,
      helloGapMs: config.welcome.helloGap,
      deviceWaitMs: config.welcome.deviceWait,
      quietFor: (now) => quietFor(config.welcome.quietHours, now),
      onDead: (payload, reason, jobId) =>
        alert(
          `welcome-${payload.userId}-${clock.now()}`,
          `❌ ${payload.name} (${payload.userId}) has no complete welcome: ${reason}. Once that is mended: !retry ${jobId} does what is missing`,
          payload.askedBy,
        ),
    }),
  )
  scheduler.register(
    'bridged-welcome',
    createBridgedWelcomeHandler({
      ...parts,
      ...parts.delivery,
      lookUp: parts.authentik,
      hasRole: (userId) => parts.roles.of(userId) !== 'everyone',
      protectedAccount: parts.protectedAccount,
      helloGapMs: config.welcome.helloGap,
      email: parts.email,
      onSent: ({ userId, name, askedBy }, words, jobId) => {
        alert(`bridged-welcome-${jobId}`, `ℹ️ ${name} (bridged): ${words}`, askedBy)
        scheduler.wake('graduation', userId)
      },
      onDead: ({ name, askedBy }, reason, jobId) =>
        alert(
          `bridged-welcome-dead-${jobId}-${clock.now()}`,
          `❌ ${name} (bridged) has no welcome: ${reason}. Once that is mended: !retry ${jobId}`,
          askedBy,
        ),
    }),
  )
  scheduler.register(
    'credentials',
    createCredentialsHandler({
      ...parts.delivery,
      onDelivered: ({ userId, askedBy }, jobId) =>
        alert(`credentials-${jobId}`, `✅ ${nameOf(userId)} has got the new credentials by encrypted DM`, askedBy),
      onDead: ({ userId, askedBy }, reason, jobId) =>
        alert(
          `credentials-dead-${jobId}-${clock.now()}`,
          `❌ The new credentials for ${nameOf(userId)} could not be delivered: ${reason}. Once that is mended: !retry ${jobId}`,
          askedBy,
        ),
    }),
  )
  scheduler.register(
    'arrival',
    createAfterLinkHandler({
      arrival: parts.arrival,
      plans: parts.plans,
      executor: parts.executor,
      roleOf: (userId) => parts.roles.of(userId),
      room: () => rooms.admin,
      clock,
      tell: (answer, askedBy, jobId) => alert(`arrival-${jobId}`, renderAnswer(answer).body, askedBy),
      onDead: (userId, askedBy, reason, jobId) =>
        alert(
          `arrival-dead-${jobId}-${clock.now()}`,
          `❌ ${nameOf(userId)} has linked their account, but the rest of the arrival did not work: ${reason}. Once that is mended: !retry ${jobId}`,
          askedBy,
        ),
    }),
  )
  scheduler.register(
    'graduation',
    createGraduationHandler({
      ...parts,
      indoc: () => rooms.indoc,
      isWelcomedOverBridge: (userId) => parts.bridges.of(userId) !== undefined && isSent(scheduler.latest('bridged-welcome', userId)),
      hasRole: (userId) => parts.roles.of(userId) !== 'everyone',
      onDead: (payload, reason) =>
        alert(
          `graduation-${payload.userId}-${clock.now()}`,
          `❌ ${payload.name} (${nameOf(payload.userId)}) could not be taken out of INDOC: ${reason}`,
          payload.askedBy,
        ),
    }),
  )
  scheduler.register('introduction-prompt', createPromptHandler(parts.introductions))
  scheduler.register('introduction-deadline', createDeadlineHandler(parts.introductions))
  scheduler.register('vouch', createVouchHandler(parts.vouching))
  scheduler.register('vouch-attribute', createVouchAttributeHandler(parts.vouching))
  scheduler.register(
    'invite',
    createInviteHandler({
      ...parts,
      onDead: (userId, roomId, reason) =>
        alert(
          `invite-${roomId}-${userId}-${clock.now()}`,
          `❌ ${nameOf(userId)} could not be invited to ${parts.directory.room(roomId)?.name ?? roomId}: ${reason}`,
          '',
        ),
    }),
  )
  scheduler.register('command', {
    maxAttempts: 1000,
    maxAgeMs: savedForMs,
    run: async (job, { signal }) =>
      (await parts.pipeline.runSaved(job.payload as unknown as SavedCommand, signal))
        ? { state: 'done' }
        : { state: 'failed', reason: 'the service is still not there', delayMs: savedEveryMs },
    onDead: (job) => {
      const saved = job.payload as unknown as SavedCommand
      alert(
        `command-${job.jobId}`,
        `❌ I gave up on #${job.jobId} (!${saved.command}): the service did not come back within an hour. Nothing was changed. Try again with !retry ${job.jobId}`,
        saved.asker,
      )
    },
  })
  scheduler.register('invitation', {
    maxAttempts: 100,
    maxAgeMs: dayMs,
    run: async (job) => {
      const unanswered = await parts.answerInvitation(job.payload as unknown as PendingInvitation)
      if (unanswered === undefined) return { state: 'done' }
      const { words, retryAfterMs } = unanswered
      return { state: 'failed', reason: words, ...(retryAfterMs === undefined ? {} : { delayMs: retryAfterMs }) }
    },
  })
  scheduler.register('authentik-mirror', createMirrorHandler(parts))
  scheduler.register('directory-reconcile', {
    run: async () => {
      const result = await parts.repairer.reconcile()
      if (!result.ok) return { state: 'failed', reason: result.text }
      logger.info(
        { repaired: result.repaired.length, added: result.added.length, left: result.left.length },
        'the directory was compared with the server',
      )
      return { state: 'wait', delayMs: untilTimeOfDay(config.directory.reconcileAt, clock.now()) }
    },
  })
  const untilNight = (): number => untilTimeOfDay(config.directory.reconcileAt, clock.now())
  scheduler.register(housekeepingKind, createHousekeepingHandler({ ...parts, retention: config.retention, untilNext: untilNight }))
  scheduler.add({ kind: 'authentik-mirror', uniqueKey: 'all', payload: {} })
  scheduler.add({ kind: housekeepingKind, uniqueKey: 'all', payload: {}, delayMs: untilNight() })
  scheduler.add({
    kind: 'directory-reconcile',
    uniqueKey: 'all',
    payload: {},
    delayMs: untilTimeOfDay(config.directory.reconcileAt, clock.now()),
  })
}
