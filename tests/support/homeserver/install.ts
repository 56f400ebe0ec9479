import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statfsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cacheDirectory, withMachineLock } from './cache.ts'
import { templateConfiguration } from './configuration.ts'
import { findPython, HomeserverSetupError, pythonEnvironment } from './python.ts'

const requirementsFile = fileURLToPath(new URL('requirements.txt', import.meta.url))
const makingSuffix = '.making-'
const bytesNeeded = 600 * 1024 * 1024

/** A Synapse that is ready to be started. */
export interface SynapseInstallation {
  /** The interpreter of its virtual environment. */
  readonly python: string
  /** An empty SQLite database with the newest schema, to be copied. */
  readonly databaseTemplate: string
}

/**
 * Installs Synapse from PyPI, or finds the installation of an earlier run: `.cache/synapse-<hash>`, the hash taken over requirements.txt and the
 * interpreter. It is built in a folder of its own and renamed when whole, under a lock, so a half-made one is never used.
 * @param say receives one line for each step that takes long
 * @throws HomeserverSetupError with the fix in its message
 */
export const installSynapse = async (
  say: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Promise<SynapseInstallation> => {
  const python = await findPython()
  const requirements = readFileSync(requirementsFile, 'utf8')
  const hash = createHash('sha256').update([requirements, python.executable, python.minor].join('\0')).digest('hex').slice(0, 12)
  const home = `${cacheDirectory}/synapse-${hash}`
  const installation = { python: `${home}/bin/python`, databaseTemplate: `${home}/template.db` }
  if (isWhole(installation)) return installation

  return await withMachineLock(
    'install-synapse',
    () => say('Another process is installing Synapse; waiting for it.'),
    async () => {
      if (isWhole(installation)) return installation
      const version = /^matrix-synapse==(\S+)/m.exec(requirements)?.[1] ?? 'of requirements.txt'
      checkDisk()
      const started = Date.now()
      removeLeftovers(home)
      // A name of its own: the pip of an installer that was killed may still be writing into the last one.
      const making = mkdtempSync(`${home}${makingSuffix}`)
      say(`Installing Synapse ${version} for the tests (Python ${python.minor}, into ${home}; about a minute, once) …`)
      try {
        await step(python.executable, ['-I', '-m', 'venv', making])
        // Without compiling: Python does that for the modules that it loads, a quarter of what is installed.
        const pip = [
          '-I',
          '-m',
          'pip',
          'install',
          '--quiet',
          '--no-compile',
          '--disable-pip-version-check',
          '--no-input',
          '--require-hashes',
        ]
        await step(`${making}/bin/python`, [...pip, '--only-binary', ':all:', '-r', requirementsFile])
        say('Preparing an empty database for it …')
        await makeTemplate(making)
        renameSync(making, home)
      } finally {
        rmSync(making, { recursive: true, force: true })
      }
      say(`Synapse ${version} is installed (${Math.round((Date.now() - started) / 1000)} s).`)
      return installation
    },
  )
}

const isWhole = (installation: SynapseInstallation): boolean => existsSync(installation.python) && existsSync(installation.databaseTemplate)

/** Deletes what killed installers left behind, as far as nothing still writes there. */
const removeLeftovers = (home: string): void => {
  const leftovers = readdirSync(cacheDirectory)
    .map((name) => `${cacheDirectory}/${name}`)
    .filter((path) => path === home || path.startsWith(`${home}${makingSuffix}`))
  for (const path of leftovers) {
    try {
      rmSync(path, { recursive: true, force: true })
    } catch (error) {
      if (path === home || !(error instanceof Error && 'code' in error && error.code === 'ENOTEMPTY')) throw error
    }
  }
}

const checkDisk = (): void => {
  mkdirSync(cacheDirectory, { recursive: true })
  const { bavail, bsize } = statfsSync(cacheDirectory)
  if (bavail * bsize < bytesNeeded) throw noDisk()
}

const noDisk = (): HomeserverSetupError =>
  new HomeserverSetupError(
    'no-disk',
    `Not enough free disk space for the test homeserver: ${bytesNeeded / 1024 / 1024} MB are needed under ${cacheDirectory}. Free some space there.`,
  )

/** Migrates an empty database once, so that no start of a test has to. */
const makeTemplate = async (home: string): Promise<void> => {
  const config = templateConfiguration(`${home}/template.db.making`, `${home}/template`)
  const migrate = ['-I', '-m', 'synapse._scripts.update_synapse_database', '--database-config', config, '--run-background-updates']
  await step(`${home}/bin/python`, migrate)
  // Folds the write-ahead log into the file, so that copying the one file is enough.
  const fold = 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute("PRAGMA wal_checkpoint(TRUNCATE)"); c.close()'
  await step(`${home}/bin/python`, ['-I', '-c', fold, `${home}/template.db.making`])
  renameSync(`${home}/template.db.making`, `${home}/template.db`)
}

/** Runs one command of the installation and turns its failure into an error that names the fix. */
const step = async (command: string, args: readonly string[]): Promise<void> => {
  const child = spawn(command, args, { env: pythonEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-20_000)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  if (code !== 0) throw explain(`${command} ${args.join(' ')}`, output)
}

/** Tells the common causes of a failed installation apart by what pip and venv print. */
const explain = (command: string, output: string): HomeserverSetupError => {
  const tail = output.trim().split('\n').slice(-15).join('\n')
  if (/No space left on device|Errno 28/.test(output)) return noDisk()
  if (/ensurepip is not|No module named (venv|ensurepip)|python3-venv/.test(output)) {
    return new HomeserverSetupError(
      'no-venv',
      `Python could not make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv\n${tail}`,
    )
  }
  if (/HASHES (DO NOT|ARE)|hashes are required/i.test(output)) {
    return new HomeserverSetupError(
      'install-failed',
      `The registry served a package that is not the pinned one; nothing was installed.\n${tail}`,
    )
  }
  if (
    /Max retries|Failed to establish|name resolution|timed out|ProxyError|SSLError|Connection(Error| refused| aborted)|Could not fetch URL|from versions: none/i.test(
      output,
    )
  ) {
    return new HomeserverSetupError(
      'no-registry',
      `PyPI could not be reached to install the test homeserver. Check the network, or point pip at a mirror (PIP_INDEX_URL, PIP_CERT).\n${tail}`,
    )
  }
  return new HomeserverSetupError('install-failed', `Installing the test homeserver failed at: ${command}\n${tail}`)
}
