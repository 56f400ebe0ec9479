import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import type { Timestamp } from '../types.ts'
import { checkBackup } from './check-backup.ts'
import type { BackupProblem } from './check-backup.ts'
import { Database } from './database.ts'
import { forgetDevice } from './forget-device.ts'
import { holdWork } from './held-work.ts'
import type { HeldWork } from './held-work.ts'
import { migrate, readMigrations, schemaVersion } from './migrate.ts'
import type { Migration } from './migrate.ts'
import { databaseFile } from './open.ts'
import { syncFile } from './sync-file.ts'

/** A backup that was prepared beside the database, checked and taken out of work; nothing is replaced yet. */
export interface PreparedRestore {
  readonly ok: true
  readonly held: HeldWork
  /** When something happened last in the backup; undefined = nothing ever did. */
  readonly stateOf: Timestamp | undefined
  readonly schema: number
  /** It held keys or a session, which a backup of ours never does; they were left out. */
  readonly hadSecrets: boolean
  /**
   * Puts it in the place of the database, which is kept beside the backups first.
   * @returns where the old one is; undefined = there was none
   */
  replace(): string | undefined
  /** Removes what was prepared. */
  discard(): void
}

export type RestoreResult =
  | PreparedRestore
  | ({ readonly ok: false } & (BackupProblem | { readonly code: 'failed'; readonly words: string }))

const sides = ['', '-wal', '-shm'] as const
const stamp = (now: Timestamp): string => new Date(now).toISOString().replace(/[-:.]/g, '')

const isSqlite = (file: string): boolean => {
  const handle = openSync(file, 'r')
  try {
    const header = Buffer.alloc(16)
    return readSync(handle, header) === 16 && header.toString('latin1') === 'SQLite format 3\u0000'
  } finally {
    closeSync(handle)
  }
}

/** Row of `meta` that the next start reads to tell the moderators. */
export const restoredMark = 'restored'

/** When the backup's bot did something last, by its own records. */
const lastDone = (database: Database): Timestamp | undefined => {
  const last = database.connection
    .prepare(
      'SELECT max(at) FROM (SELECT max(at) AS at FROM audit UNION SELECT max(received_at) FROM journal UNION SELECT max(updated_at) FROM outbox UNION SELECT max(updated_at) FROM job)',
    )
    .pluck()
    .get()
  return typeof last === 'number' ? last : undefined
}

const hasSecrets = (database: Database): boolean =>
  database.connection
    .prepare('SELECT 1 FROM sealed UNION ALL SELECT 1 FROM crypto_database UNION ALL SELECT 1 FROM crypto_area LIMIT 1')
    .get() !== undefined

/**
 * Brings what stands in the log of the old database into its file, so that the log can go without a loss. One that cannot be opened stays as it is:
 * no bot could have run on it.
 */
const settleLog = (file: string): void => {
  try {
    const database = Database.open(file)
    database.connection.pragma('wal_checkpoint(TRUNCATE)')
    database.close()
  } catch {
    // Damaged: that is why somebody restores. Its log is kept beside it.
  }
}

/** A second name for the same file, so that nothing can be half done; a copy where the file system knows no second names. */
const keep = (from: string, to: string): void => {
  try {
    linkSync(from, to)
  } catch {
    copyFileSync(from, to, constants.COPYFILE_EXCL)
    syncFile(to)
  }
}

const keepAside = (directory: string, now: Timestamp): string | undefined => {
  const current = databaseFile(directory)
  if (!existsSync(current)) return undefined
  settleLog(current)
  const folder = join(directory, 'backups')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const aside = join(folder, `before-restore-${stamp(now)}.db`)
  for (const side of sides) if (existsSync(`${current}${side}`)) keep(`${current}${side}`, `${aside}${side}`)
  syncFile(folder)
  return aside
}

/**
 * Makes a backup ready to take the place of the database: a copy of it is checked, brought to this program's schema, and freed of everything that
 * belongs to a device. Call with the data directory locked.
 * @param also joins what is written into the copy
 */
export const prepareRestore = (options: {
  readonly backup: string
  readonly directory: string
  readonly now: Timestamp
  readonly migrations?: readonly Migration[]
  readonly also?: (database: Database, prepared: Pick<PreparedRestore, 'held' | 'stateOf'>) => void
}): RestoreResult => {
  const { backup, directory, now, migrations = readMigrations() } = options
  const current = databaseFile(directory)
  const copy = join(directory, 'restoring.db')
  const discard = (): void => {
    for (const side of [...sides, '-journal']) rmSync(`${copy}${side}`, { force: true })
  }
  const fail = (code: BackupProblem['code'] | 'failed', words: string): RestoreResult => {
    discard()
    return { ok: false, code, words }
  }
  let database: Database | undefined
  try {
    if (resolve(backup) === resolve(current)) return fail('not-ours', 'it is the database itself')
    if (!isSqlite(backup)) return fail('not-ours', 'it is not a database of this program')
    if (existsSync(`${backup}-wal`) && statSync(`${backup}-wal`).size > 0)
      return fail(
        'not-ours',
        'it is a database in use, or a copy of one: its newest part stands in another file. Use what `gatehouse backup` wrote',
      )
    discard()
    copyFileSync(backup, copy, constants.COPYFILE_EXCL)
    chmodSync(copy, 0o600)
    try {
      database = Database.open(copy)
    } catch (error) {
      return fail('damaged', `it is damaged: ${error instanceof Error ? error.message : String(error)}`)
    }
    const problem = checkBackup(database, migrations)
    if (problem !== undefined) {
      database.close()
      return fail(problem.code, problem.words)
    }
    const migration = migrate(database, migrations)
    if (migration.state === 'failed' || migration.state === 'newer') {
      database.close()
      return fail(
        'failed',
        `it could not be brought to the schema of this version (${migration.state === 'failed' ? migration.reason : 'newer'})`,
      )
    }
    const hadSecrets = hasSecrets(database)
    const stateOf = lastDone(database)
    // What is deleted is overwritten, so that no key stays in a free page.
    database.connection.pragma('secure_delete = ON')
    forgetDevice(database)
    database.deleteMeta('since')
    const held = holdWork(database, now)
    database.setMeta(restoredMark, JSON.stringify({ at: now, stateOf: stateOf ?? null, jobs: held.jobs, plans: held.plans }))
    options.also?.(database, { held, stateOf })
    const schema = schemaVersion(database)
    // One file, without a log beside it.
    database.connection.pragma('journal_mode = DELETE')
    database.close()
    syncFile(copy)
    return {
      ok: true,
      held,
      stateOf,
      schema,
      hadSecrets,
      discard,
      replace: () => {
        const aside = keepAside(directory, now)
        // The log of the old database must never be read into the new one.
        for (const side of ['-wal', '-shm']) rmSync(`${current}${side}`, { force: true })
        renameSync(copy, current)
        syncFile(directory)
        return aside
      },
    }
  } catch (error) {
    database?.close()
    return fail('failed', error instanceof Error ? error.message : String(error))
  }
}
