import { fork } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DeviceId, EncryptionSettings, OlmMachine, RoomId, UserId } from '@matrix-org/matrix-sdk-crypto-wasm'
import { loadEngine } from '../src/crypto/wasm-engine.ts'
import { median } from './statistics.ts'
import { openEngine, type Opening, type Sealed } from './store-engine.ts'
import { tableOf, writeResult } from './table.ts'

/** Inbound sessions (room keys of others) in the store. */
const sizes = [0, 1000, 10_000, 100_000] as const
const batch = 2000
/** Messages that can be read; their sessions lie between all the others. */
const readable = 25
const limits = { openMs: 5000, memory: 400 * 2 ** 20 }

interface ExportedKey {
  readonly algorithm: 'm.megolm.v1.aes-sha2'
  readonly room_id: string
  readonly sender_key: string
  readonly session_id: string
  readonly session_key: string
  readonly sender_claimed_keys: { readonly ed25519: string }
  readonly forwarding_curve25519_key_chain: readonly string[]
}

const unpadded = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/=+$/, '')
const signingKey = (): Buffer => generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)

/** A room key as clients export it (spec: "Key exports"): version, index, ratchet, signing key. Nobody has ever sent with it. */
const anyKey = (): ExportedKey => {
  const signing = signingKey()
  return {
    algorithm: 'm.megolm.v1.aes-sha2',
    room_id: `!room${Math.floor(Math.random() * 300)}:bench`,
    sender_key: unpadded(randomBytes(32)),
    session_id: unpadded(signing),
    session_key: unpadded(Buffer.concat([Uint8Array.of(1, 0, 0, 0, 0), randomBytes(128), signing])),
    sender_claimed_keys: { ed25519: unpadded(signingKey()) },
    forwarding_curve25519_key_chain: [],
  }
}

/** Messages of a second engine, each of its own session, and the keys that open them. */
const realMessages = async (): Promise<{ readonly messages: readonly Sealed[]; readonly keys: string }> => {
  await loadEngine()
  const machine = await OlmMachine.initialize(new UserId('@ada:bench'), new DeviceId('ADA'))
  const messages: Sealed[] = []
  for (let number = 0; number < readable; number += 1) {
    const roomId = `!read${number}:bench`
    await machine.shareRoomKey(new RoomId(roomId), [], new EncryptionSettings())
    const content: unknown = JSON.parse(
      await machine.encryptRoomEvent(new RoomId(roomId), 'm.room.message', JSON.stringify({ msgtype: 'm.text', body: 'hello' })),
    )
    const event = { type: 'm.room.encrypted', event_id: `$${number}`, sender: '@ada:bench', origin_server_ts: 1, room_id: roomId, content }
    messages.push({ roomId, event: event as Sealed['event'] })
  }
  return { messages, keys: await machine.exportRoomKeys(() => true) }
}

const openOnce = async (file: string, messages: readonly Sealed[]): Promise<Opening> => {
  const child = fork(fileURLToPath(new URL('store-engine.ts', import.meta.url)), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  child.send({ file, messages })
  const [answer] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('the process that opens the store ended'))),
  ])) as [Opening]
  return answer
}

/** Builds one store up to each size and opens it there five times. Prints progress with `say`. */
const measure = async (say: (line: string) => void): Promise<readonly string[][]> => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-store-'))
  const file = join(folder, 'gatehouse.db')
  try {
    const { messages, keys } = await realMessages()
    const { database, engine } = await openEngine(file)
    const lines: string[][] = []
    let stored = 0
    for (const size of sizes) {
      const started = performance.now()
      while (stored < size) {
        const own = stored === 0 ? (JSON.parse(keys) as ExportedKey[]) : []
        const more = Array.from({ length: Math.min(batch, size - stored) - own.length }, anyKey)
        await engine.machine.importExportedRoomKeys(JSON.stringify([...own, ...more]), () => undefined)
        stored += own.length + more.length
      }
      const built = performance.now() - started
      database.connection.pragma('wal_checkpoint(TRUNCATE)')
      say(`${stored} sessions, made in ${Math.round(built / 1000)} s; opening …`)
      const openings: Opening[] = []
      for (let round = 0; round < 5; round += 1) openings.push(await openOnce(file, size === 0 ? [] : messages))
      const all = (of: (opening: Opening) => number): { middle: number; worst: number } => {
        const values = openings.map(of)
        return { middle: median(values), worst: Math.max(...values) }
      }
      const openMs = all((opening) => opening.openMs)
      const memory = all((opening) => opening.memory)
      lines.push([
        String(stored),
        `${(statSync(file).size / 2 ** 20).toFixed(1)} MiB`,
        `${Math.round(openMs.middle)} (${Math.round(openMs.worst)}) ms`,
        `${Math.round(memory.worst / 2 ** 20)} MiB`,
        size === 0 ? '' : `${all((opening) => opening.decryptMs).middle.toFixed(1)} ms`,
        openMs.worst <= limits.openMs && memory.worst <= limits.memory ? '✔' : '✘',
      ])
    }
    await engine.close()
    database.close()
    return lines
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const head = ['inbound sessions', 'file', 'open', 'memory after it', 'decrypt one message', '< 5 s, < 400 MiB']

/**
 * `npm run bench -- --store`: how the crypto store grows. Needs no server.
 * @param write puts the table into `bench/README.md`
 * @throws Error when a store cannot be built or opened
 */
export const benchStore = async (options: { readonly write: boolean; readonly say: (line: string) => void }): Promise<void> => {
  const table = tableOf(head, await measure(options.say))
  console.log(table)
  if (options.write) writeResult('store', [new Date().toISOString().slice(0, 10)], table)
}
