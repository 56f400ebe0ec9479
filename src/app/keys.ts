import { IdentityGate } from '../chat/identity-gate.ts'
import { openMessage } from '../chat/incoming.ts'
import type { IncomingMessage, Transport } from '../chat/incoming.ts'
import type { Connections } from '../connections.ts'
import { createKeyBackup } from '../crypto/open-backup.ts'
import { exitReasonOfKeys } from '../crypto/open.ts'
import { OwnKeysWatch } from '../crypto/own-keys-watch.ts'
import type { ExitReason } from '../operations/exit-codes.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { UserId } from '../types.ts'
import type { Core } from './core.ts'
import type { People } from './people.ts'
import type { Records } from './records.ts'
import type { RoomParts } from './rooms.ts'

/** The bot's own keys, and how far those of others are believed. */
export type Keys = ReturnType<typeof createKeys>

/** @param parts.onFatal the homeserver shows other keys for the bot than it has */
export const createKeys = (
  parts: Core &
    Pick<Connections, 'homeserver' | 'engine' | 'backupEngine'> &
    Pick<Records, 'identities'> &
    Pick<RoomParts, 'rooms' | 'outbox'> &
    Pick<People, 'roles' | 'community'> & {
      readonly metrics: Metrics
      readonly onFatal: (reason: ExitReason, words: string) => void
    },
) => {
  const { config, clock, logger, engine, rooms, roles } = parts
  const identityGate = new IdentityGate({
    ...parts,
    adminRoom: () => rooms.admin,
    roleOf: (userId) => roles.of(userId),
    identityKey: (userId) => engine.identityKey(userId),
    nameOf: parts.community.nameOf,
    prefix: config.commands.prefixes[0] ?? '!',
  })
  return {
    identityGate,
    /** Looks at the identities that the server shows for these people, when there is time. */
    lookAt: (userIds: readonly UserId[]): void => {
      identityGate.look(userIds).catch((error: unknown) => logger.error({ err: error }, 'the identities of people could not be looked at'))
    },
    /** How far a message can be believed after the sender's devices were asked for anew; undefined = they could not be asked for. */
    freshTrust: async ({ entry }: IncomingMessage): Promise<Transport | undefined> => {
      if ((await engine.queryDevices(entry.sender)) === undefined) return undefined
      const opened = await openMessage(entry, engine)
      return opened.kind === 'message' ? opened.message.transport : undefined
    },
    ownKeys: new OwnKeysWatch({
      check: () => engine.checkOwnKeys(),
      clock,
      onProblem: (problem) => parts.onFatal(exitReasonOfKeys(problem), problem.words),
    }),
    keyBackup: createKeyBackup({ ...parts, config: config.crypto, crypto: engine, engine: parts.backupEngine, rooms: () => rooms }),
  }
}
