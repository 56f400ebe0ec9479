import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Why the test homeserver could not be had; the message names the fix. */
export class HomeserverSetupError extends Error {
  override readonly name = 'HomeserverSetupError'
  readonly code: 'no-python' | 'python-too-old' | 'no-venv' | 'no-disk' | 'no-registry' | 'install-failed' | 'start-failed'

  constructor(code: HomeserverSetupError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** An interpreter that can make a virtual environment. */
export interface Python {
  /** Absolute path of the real interpreter, not of a version manager's shim. */
  readonly executable: string
  /** For example `3.11`. */
  readonly minor: string
}

const probe = `
import importlib.util, json, sys
print(json.dumps({"executable": sys.executable, "version": list(sys.version_info[:2]),
  "venv": all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))}))
`

const newestKnownMinor = 14

/**
 * The environment for Python and pip: that of this machine (its pip settings, proxies and certificates count), less what would point the
 * interpreter at other libraries.
 */
export const pythonEnvironment = (): NodeJS.ProcessEnv => {
  const { PYTHONHOME: _home, PYTHONPATH: _path, VIRTUAL_ENV: _venv, __PYVENV_LAUNCHER__: _launcher, ...rest } = process.env
  return { ...rest, PYTHONNOUSERSITE: '1' }
}

/**
 * Finds a Python from 3.10 on with the modules venv and ensurepip: `GATEHOUSE_TEST_PYTHON` if set, else the first fit of `python3`,
 * `python3.13` … `python3.10` on PATH and `/usr/bin/python3`.
 * @throws HomeserverSetupError `no-python`, `python-too-old` or `no-venv`
 */
export const findPython = async (
  candidates: readonly string[] = process.env.GATEHOUSE_TEST_PYTHON
    ? [process.env.GATEHOUSE_TEST_PYTHON]
    : ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', '/usr/bin/python3'],
): Promise<Python> => {
  const tooOld: string[] = []
  const withoutVenv: string[] = []
  for (const candidate of candidates) {
    const found = await ask(candidate)
    if (!found) continue
    const minor = `${found.version[0]}.${found.version[1]}`
    if (found.version[0] !== 3 || found.version[1] < 10) tooOld.push(`${found.executable} is ${minor}`)
    else if (!found.venv) withoutVenv.push(`${found.executable} (${minor})`)
    else if (found.version[1] <= newestKnownMinor) return { executable: found.executable, minor }
  }
  if (withoutVenv.length > 0) {
    throw new HomeserverSetupError(
      'no-venv',
      `The tests need a Python with its "venv" and "ensurepip" modules; without them: ${withoutVenv.join(', ')}. ` +
        'On Debian or Ubuntu: apt-get install python3-venv',
    )
  }
  if (tooOld.length > 0) {
    throw new HomeserverSetupError(
      'python-too-old',
      `The tests run a Synapse homeserver, which needs Python 3.10 or newer; ${tooOld.join(', ')}. ` +
        'Install a newer Python, or name one in GATEHOUSE_TEST_PYTHON.',
    )
  }
  throw new HomeserverSetupError(
    'no-python',
    `The tests run a Synapse homeserver, which needs Python 3.10 to 3.${newestKnownMinor}; tried ${candidates.join(', ')}. ` +
      'On Debian or Ubuntu: apt-get install python3 python3-venv (or name an interpreter in GATEHOUSE_TEST_PYTHON).',
  )
}

interface Probed {
  readonly executable: string
  readonly version: readonly [number, number]
  readonly venv: boolean
}

/** Asks an interpreter what it is; undefined when there is none of that name or it does not run. */
const ask = async (command: string): Promise<Probed | undefined> => {
  try {
    const { stdout } = await run(command, ['-I', '-c', probe], { env: pythonEnvironment(), timeout: 20_000 })
    return JSON.parse(stdout) as Probed
  } catch {
    return undefined
  }
}
