import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'

/** Folder of the program: that of package.json, beside `src/` or `dist/`. */
export const programDirectory = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

/** What is running. */
export interface Version {
  readonly name: string
  readonly version: string
  /** Up to 12 hex digits, `unknown` where nothing tells. */
  readonly commit: string
}

const packageSchema = z.object({ name: z.string(), version: z.string() })
const commitPattern = /^[0-9a-f]{7,64}$/

/** Asking git takes a process of its own; the answer cannot change while this one runs. */
const asked = new Map<string, string | undefined>()

const fromGit = (directory: string): string | undefined => {
  if (!asked.has(directory)) asked.set(directory, askGit(directory))
  return asked.get(directory)
}

const askGit = (directory: string): string | undefined => {
  // Only a checkout of this very folder counts: a parent repository is somebody else's.
  if (!existsSync(join(directory, '.git'))) return undefined
  try {
    return execFileSync('git', ['rev-parse', 'HEAD'], {
      cwd: directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 2000,
    }).trim()
  } catch {
    // No git here, or it refuses the folder: the version is shown without a commit.
    return undefined
  }
}

const fromFile = (directory: string): string | undefined => {
  const file = join(directory, '.commit')
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
}

/**
 * Name and version from package.json; commit from `GATEHOUSE_COMMIT`, the file `.commit` (the image) or git (a checkout).
 * @throws Error when package.json is missing or broken: a packaging mistake
 */
export const readVersion = (
  env: Readonly<Record<string, string | undefined>> = process.env,
  directory: string = programDirectory,
): Version => {
  const { name, version } = packageSchema.parse(JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')))
  const commit =
    [env['GATEHOUSE_COMMIT'], fromFile(directory)].find((value) => value !== undefined && commitPattern.test(value)) ?? fromGit(directory)
  return { name, version, commit: commit?.slice(0, 12) ?? 'unknown' }
}
