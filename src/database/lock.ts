import { accessSync, chmodSync, constants, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'

/** What came of asking for the data directory. */
export type LockResult =
  | { readonly ok: true; release(): void }
  | {
      readonly ok: false
      readonly code: 'locked'
      /** Who has it, as far as known: `process 12 on host, since …`. */ readonly holder?: string
    }
  | { readonly ok: false; readonly code: 'unusable'; readonly reason: string }

const codeOf = (error: unknown): string =>
  error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.message) : String(error)

const prepareDirectory = (directory: string): string | undefined => {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    // A volume that somebody else made may be open to all users; ours alone is narrowed, a foreign one is left to its owner.
    const status = statSync(directory)
    if ((status.mode & 0o007) !== 0 && status.uid === process.getuid?.()) chmodSync(directory, status.mode & 0o770)
  } catch (error) {
    return `cannot make the data directory ${directory}: ${codeOf(error)}`
  }
  try {
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
    return undefined
  } catch {
    return `this user (uid ${process.getuid?.() ?? 'unknown'}) may not write to the data directory ${directory}`
  }
}

const readHolder = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    // The note is only a courtesy: its owner may be just about to write it, or may belong to another user.
    return undefined
  }
}

/**
 * Takes the data directory for this process, and makes it (mode 0700) when there is none. The lock is an operating-system lock on
 * `lock.db`, held by SQLite with `locking_mode=EXCLUSIVE`: it ends with the process, also after `kill -9`, and leaves nothing to clean up.
 *
 * Nothing else in this process may open `lock.db`: on POSIX, closing any handle of a file drops the locks of the whole process.
 */
export const lockDataDirectory = (directory: string): LockResult => {
  const reason = prepareDirectory(directory)
  if (reason !== undefined) return { ok: false, code: 'unusable', reason }
  const note = join(directory, 'lock.holder')
  let connection: BetterSqlite3.Database | undefined
  try {
    connection = new BetterSqlite3(join(directory, 'lock.db'), { timeout: 0 })
    chmodSync(join(directory, 'lock.db'), 0o600)
    connection.pragma('locking_mode = EXCLUSIVE')
    // In this mode the lock of a write outlives its transaction.
    connection.exec(
      'BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS lock (taken INTEGER); DELETE FROM lock; INSERT INTO lock VALUES (1); COMMIT',
    )
    writeFileSync(note, `process ${process.pid} on ${hostname()}, since ${new Date().toISOString()}\n`, { mode: 0o600 })
  } catch (error) {
    connection?.close()
    const code = codeOf(error)
    if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
      const holder = readHolder(note)
      return { ok: false, code: 'locked', ...(holder === undefined ? {} : { holder }) }
    }
    return { ok: false, code: 'unusable', reason: `cannot lock the data directory ${directory}: ${code}` }
  }
  const held = connection
  return {
    ok: true,
    release: () => {
      if (!held.open) return
      rmSync(note, { force: true })
      held.close()
    },
  }
}
