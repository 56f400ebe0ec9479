import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { programDirectory } from '../operations/version.ts'
import { complain, print } from './contract.ts'
import type { Execute } from './contract.ts'

interface Part {
  readonly name: string
  /** Proves the part; returns what was seen, or throws. */
  readonly prove: () => Promise<string> | string
  readonly advice: string
}

const reinstall = 'install again with npm ci, for this system and processor'

const provenDatabase = async (): Promise<string> => {
  const { Database } = await import('../database/database.ts')
  const { migrate } = await import('../database/migrate.ts')
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-selfcheck-'))
  try {
    const database = Database.open(join(folder, 'selfcheck.db'))
    const result = migrate(database)
    database.setMeta('selfcheck', 'written')
    const seen = database.meta('selfcheck')
    const sqlite = String(database.connection.prepare('SELECT sqlite_version()').pluck().get())
    database.close()
    if (result.state !== 'migrated') throw new Error(result.state === 'failed' ? `${result.migration}: ${result.reason}` : result.state)
    if (seen !== 'written') throw new Error('what was written cannot be read')
    return `SQLite ${sqlite}, schema ${result.to}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const provenCrypto = async (): Promise<string> => {
  const { DeviceId, initAsync, OlmMachine, UserId } = await import('@matrix-org/matrix-sdk-crypto-wasm')
  await initAsync()
  const machine = await OlmMachine.initialize(new UserId('@selfcheck:localhost'), new DeviceId('SELFCHECK'))
  const { curve25519 } = machine.identityKeys
  const made = curve25519.toBase64().length
  machine.close()
  if (made < 40) throw new Error('made no keys')
  return 'WebAssembly engine makes keys'
}

const filesOf = (folder: string, ending: string): readonly string[] => {
  const directory = join(programDirectory, folder)
  const files = readdirSync(directory).filter((file) => file.endsWith(ending))
  if (files.length === 0) throw new Error(`${directory} holds no ${ending} files`)
  for (const file of files)
    if (readFileSync(join(directory, file), 'utf8').trim() === '') throw new Error(`${join(directory, file)} is empty`)
  return files
}

/** All parts that an installation needs. Each is really used, not only looked for. */
const parts: readonly Part[] = [
  {
    name: 'Node.js',
    advice: 'use Node.js 24 or newer',
    prove: () => {
      if (Number(process.versions.node.split('.')[0]) < 24) throw new Error(`this is ${process.versions.node}`)
      return process.versions.node
    },
  },
  { name: 'database', advice: reinstall, prove: provenDatabase },
  { name: 'encryption', advice: reinstall, prove: provenCrypto },
  {
    name: 'key store',
    advice: reinstall,
    prove: async () => {
      const { IDBFactory } = await import('fake-indexeddb')
      const databases = await new IDBFactory().databases()
      return `object store answers (${databases.length} databases)`
    },
  },
  {
    name: 'Matrix client',
    advice: reinstall,
    prove: async () => {
      const { loadSdk } = await import('../matrix/sdk.ts')
      const { MatrixClient } = await loadSdk()
      return `${MatrixClient.name} loads`
    },
  },
  {
    name: 'program',
    advice: reinstall,
    prove: async () => {
      await import('./run.ts')
      return 'all of it loads'
    },
  },
  {
    name: 'templates',
    advice: 'the folder config/templates belongs beside the program',
    prove: () => `${filesOf('config/templates', '.md').length} files`,
  },
]

/** `gatehouse selfcheck`: proves that everything the program is made of is here and works. Needs no configuration. */
export const execute: Execute<object> = async () => {
  let broken = 0
  for (const { name, prove, advice } of parts) {
    try {
      print(`ok      ${name}: ${await prove()}`)
    } catch (error) {
      broken += 1
      const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
      complain(`BROKEN  ${name}: ${reason}; ${advice}`)
    }
  }
  if (broken === 0) return 'ok'
  complain(`${broken} of ${parts.length} parts do not work`)
  return 'installation'
}
