import type { Status } from '../commands/status/status.ts'
import type { Connections } from '../connections.ts'
import { housekeepingKind } from '../jobs/housekeeping.ts'
import type { Checks } from '../operations/health.ts'
import type { Version } from '../operations/version.ts'
import type { Timestamp } from '../types.ts'
import type { Chat } from './chat.ts'
import type { Core } from './core.ts'
import type { Intake } from './intake.ts'
import type { Keys } from './keys.ts'
import type { People } from './people.ts'
import type { Records } from './records.ts'
import type { RoomParts } from './rooms.ts'

/** What the state of the bot is read from. */
export type HealthParts = Pick<Core, 'config'> &
  Pick<Connections, 'homeserver' | 'engine' | 'identity'> &
  Pick<Records, 'directory' | 'accounts' | 'identities' | 'scheduler'> &
  Pick<RoomParts, 'rooms'> &
  Pick<People, 'capabilities'> &
  Pick<Keys, 'ownKeys' | 'keyBackup'> &
  Pick<Chat, 'dispatcher'> &
  Pick<Intake, 'sync'>

/** How the bot is now, for `!status`. */
export const statusOf = (parts: HealthParts & { readonly version: Version; readonly startedAt: Timestamp }): Status => {
  const { config, homeserver, engine, identity, directory, accounts, scheduler, capabilities, ownKeys, sync } = parts
  const mirror = scheduler.open('authentik-mirror', 'all')
  return {
    ...parts.version,
    startedAt: parts.startedAt,
    engine: engine.engine,
    deviceId: homeserver.session.deviceId,
    identity: `${identity}; ${ownKeys.state.words}`,
    changedIdentities: parts.identities.changed().map(({ userId }) => userId),
    backup: parts.keyBackup.state,
    sync: { lastAt: sync.lastAt, failing: sync.failing },
    authentik: {
      failing: (mirror?.attempts ?? 0) > 0 ? (mirror?.lastError ?? 'it does not answer') : undefined,
      accounts: accounts.count(),
      mirroredAt: accounts.mirroredAt(),
    },
    jobs: scheduler.counts(),
    directory: { syncedAt: directory.syncedAt(), rooms: directory.joinedRooms().length, dirty: directory.dirtyRooms().length },
    housekeeping: scheduler.open(housekeepingKind, 'all')?.lastError ?? undefined,
    undecrypted: parts.dispatcher.waiting,
    server: { profile: config.homeserver.profile, admin: capabilities.admin, exempt: capabilities.exempt },
    problems: parts.rooms.problems(),
  }
}

/** Adds what `/readyz` shows. */
export const registerChecks = (
  checks: Checks,
  parts: Pick<HealthParts, 'homeserver' | 'identity' | 'rooms' | 'ownKeys' | 'keyBackup' | 'sync'>,
): void => {
  const { homeserver, identity, rooms, ownKeys, keyBackup, sync } = parts
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
}
