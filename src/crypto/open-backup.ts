import type { Config } from '../config/schema.ts'
import type { Database } from '../database/database.ts'
import type { Homeserver } from '../matrix/client.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { RoomId } from '../types.ts'
import type { BackupEngine } from './backup-engine.ts'
import { createBackupHttp } from './backup-http.ts'
import { createCryptoHttp } from './http.ts'
import { KeyBackup } from './key-backup.ts'
import type { CryptoPort } from './port.ts'

/**
 * Builds the key backup over a homeserver. It works after `start`, whenever room keys of its rooms come.
 * @param options.rooms INDOC and the admin room; either is undefined while it is not known
 */
export const createKeyBackup = (options: {
  readonly config: Config['crypto']
  readonly database: Database
  readonly homeserver: Homeserver
  readonly crypto: CryptoPort
  readonly engine: BackupEngine
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly rooms: () => { readonly indoc: RoomId | undefined; readonly admin: RoomId | undefined }
  readonly onSecret: (secret: string) => void
}): KeyBackup => {
  const { config, homeserver, crypto, rooms } = options
  const backedUp = (): readonly RoomId[] | undefined => {
    const { indoc, admin } = rooms()
    return indoc === undefined || admin === undefined ? undefined : [...new Set([indoc, admin])]
  }
  const backup = new KeyBackup({
    ...options,
    enabled: config.backup,
    deviceId: crypto.deviceId,
    http: createBackupHttp(homeserver),
    secretHttp: createCryptoHttp(homeserver),
    recoveryKeyFile: config.recoveryKeyFile,
    rooms: backedUp,
  })
  crypto.onRoomKeys((keys) => {
    if (keys.some(({ roomId }) => backedUp()?.includes(roomId) === true)) backup.wake()
  })
  options.metrics.collect('gatehouse_key_backup_ok', () => [{ labels: {}, value: backup.state.ok ? 1 : 0 }])
  return backup
}
