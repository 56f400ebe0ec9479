import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { hasNativeStore, NativePages } from '../../src/crypto/native-pages.ts'
import { Database } from '../../src/database/database.ts'

/**
 * Takes all Olm sessions out of a bot's encryption store, whichever engine made it. The bot must not run.
 * @returns how many there were
 */
export const loseOlmSessions = (databaseFile: string, userId: string, deviceId: string): number => {
  const database = Database.open(databaseFile)
  try {
    if (hasNativeStore(database, userId, deviceId)) return fromNative(database, userId, deviceId)
    return database.connection.prepare("DELETE FROM crypto_record WHERE area IN (SELECT id FROM crypto_area WHERE store = 'session')").run()
      .changes
  } finally {
    database.close()
  }
}

const fromNative = (database: Database, userId: string, deviceId: string): number => {
  const directory = mkdtempSync(join(tmpdir(), 'gatehouse-lose-'))
  const onBroken = (error: Error): never => {
    throw error
  }
  const pages = NativePages.open({ database, directory, userId, deviceId, onBroken })
  const library = new Sqlite(join(directory, 'matrix-sdk-crypto.sqlite3'))
  try {
    const { changes } = library.prepare('DELETE FROM session').run()
    pages.keep()
    return changes
  } finally {
    library.close()
    pages.close()
    rmSync(directory, { recursive: true, force: true })
  }
}
