import { mkdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'

/** The root of the repository, without a trailing slash. */
export const repositoryRoot = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')

/** Everything that the tests install or keep between runs is under here; deleting it is always safe. */
export const cacheDirectory = `${repositoryRoot}/.cache`

/**
 * Runs work that only one process of this machine may do at a time. The lock is SQLite's own lock on a file, so the operating system frees
 * it however its holder ends, and no stale lock can remain.
 * @param name of the lock; a file of that name appears in the cache directory
 * @param onWait called once when another process holds the lock
 */
export const withMachineLock = async <Result>(name: string, onWait: () => void, work: () => Promise<Result>): Promise<Result> => {
  mkdirSync(cacheDirectory, { recursive: true })
  const lock = new Database(`${cacheDirectory}/${name}.lock.db`, { timeout: 0 })
  try {
    let waited = false
    while (!tryLock(lock)) {
      if (!waited) onWait()
      waited = true
      await sleep(200)
    }
    return await work()
  } finally {
    lock.close()
  }
}

const tryLock = (lock: Database.Database): boolean => {
  try {
    lock.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY') return false
    throw error
  }
}
