import { z } from 'zod'
import type { GateFailure, GateResult } from '../http/contract.ts'
import { segment } from '../matrix/client.ts'
import type { Homeserver, HomeserverRequest } from '../matrix/client.ts'
import { errcode } from '../matrix/session.ts'
import type { RoomId } from '../types.ts'
import { backupAlgorithm } from './backup-engine.ts'
import type { BackedUpKey, BackupAuth, BackupBatch } from './backup-engine.ts'

/** The backup that the server shows as the current one. */
export interface BackupVersion {
  readonly version: string
  readonly algorithm: string
  /** undefined = of an algorithm that we do not know. */
  readonly auth: BackupAuth | undefined
}

/** An answer that made sense, or why there is none. */
export type BackupAnswer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: GateFailure }

/** The requests of key backup (spec: "Server-side key backups"). Each may be repeated: the server keeps the better copy of a key. */
export interface BackupHttp {
  /** The current version; undefined = there is none. */
  current(signal?: AbortSignal): Promise<BackupAnswer<BackupVersion | undefined>>
  /** Makes a version, which becomes the current one. Not repeated by itself. */
  create(auth: BackupAuth, signal?: AbortSignal): Promise<BackupAnswer<string>>
  /** Replaces what a version says of its key (the signatures). */
  describe(version: string, auth: BackupAuth, signal?: AbortSignal): Promise<BackupAnswer<undefined>>
  store(version: string, rooms: BackupBatch['rooms'], signal?: AbortSignal): Promise<BackupAnswer<undefined>>
  /** All keys of a room. */
  fetch(version: string, roomId: RoomId, signal?: AbortSignal): Promise<BackupAnswer<readonly BackedUpKey[]>>
}

const authData = z.object({ public_key: z.string(), signatures: z.record(z.string(), z.unknown()).optional() })
const versionAnswer = z.object({ version: z.string().min(1), algorithm: z.string(), auth_data: z.unknown() })
const madeAnswer = z.object({ version: z.string().min(1) })
const keyData = z.object({ session_data: z.object({ ephemeral: z.string(), mac: z.string(), ciphertext: z.string() }) })
const keysAnswer = z.object({ sessions: z.record(z.string(), z.unknown()) })

const done: BackupAnswer<undefined> = { ok: true, value: undefined }
const is = (failure: GateFailure, status: number, code: string): boolean =>
  failure.code === 'status' && failure.status === status && errcode(failure) === code

/** Has another version become the current one (spec: 403 `M_WRONG_ROOM_KEYS_VERSION`), or is ours gone (404 `M_NOT_FOUND`)? */
export const isWrongVersion = (failure: GateFailure): boolean =>
  is(failure, 403, 'M_WRONG_ROOM_KEYS_VERSION') || is(failure, 404, 'M_NOT_FOUND')

/** Makes the requests of key backup through the homeserver's gate. */
export const createBackupHttp = (homeserver: Pick<Homeserver, 'request'>): BackupHttp => {
  const ask = (
    method: 'GET' | 'POST' | 'PUT',
    path: string,
    route: string,
    signal: AbortSignal | undefined,
    more: Partial<HomeserverRequest> = {},
  ): Promise<GateResult> =>
    homeserver.request(method, `/_matrix/client/v3/room_keys/${path}`, {
      route: `room_keys/${route}`,
      repeatable: method !== 'POST',
      timeoutMs: 60_000,
      deadlineMs: 120_000,
      ...(signal === undefined ? {} : { signal }),
      ...more,
    })
  const strange = (result: Extract<GateResult, { ok: true }>, method: 'GET' | 'POST', route: string): BackupAnswer<never> => ({
    ok: false,
    failure: { ok: false, code: 'malformed', status: result.status, untouched: false, method, route, ms: result.ms },
  })
  const body = (auth: BackupAuth) => ({ algorithm: backupAlgorithm, auth_data: auth })
  return {
    current: async (signal) => {
      const result = await ask('GET', 'version', 'version', signal)
      if (!result.ok) return is(result, 404, 'M_NOT_FOUND') ? done : { ok: false, failure: result }
      const parsed = versionAnswer.safeParse(result.body)
      if (!parsed.success) return strange(result, 'GET', 'room_keys/version')
      const { version, algorithm, auth_data } = parsed.data
      const auth = algorithm === backupAlgorithm ? authData.safeParse(auth_data).data : undefined
      return { ok: true, value: { version, algorithm, auth: auth as BackupAuth | undefined } }
    },
    create: async (auth, signal) => {
      const result = await ask('POST', 'version', 'version', signal, { body: body(auth) })
      if (!result.ok) return { ok: false, failure: result }
      const parsed = madeAnswer.safeParse(result.body)
      return parsed.success ? { ok: true, value: parsed.data.version } : strange(result, 'POST', 'room_keys/version')
    },
    describe: async (version, auth, signal) => {
      const result = await ask('PUT', `version/${segment(version)}`, 'version', signal, { body: { ...body(auth), version } })
      return result.ok ? done : { ok: false, failure: result }
    },
    store: async (version, rooms, signal) => {
      const result = await ask('PUT', 'keys', 'keys', signal, { query: { version }, body: { rooms } })
      return result.ok ? done : { ok: false, failure: result }
    },
    fetch: async (version, roomId, signal) => {
      // A room of many years: some hundred bytes a key.
      const result = await ask('GET', `keys/${segment(roomId)}`, 'keys', signal, { query: { version }, maxBytes: 256 * 1024 * 1024 })
      if (!result.ok) return { ok: false, failure: result }
      const parsed = keysAnswer.safeParse(result.body)
      if (!parsed.success) return strange(result, 'GET', 'room_keys/keys')
      const keys = Object.entries(parsed.data.sessions).flatMap(([sessionId, stored]): BackedUpKey[] => {
        const key = keyData.safeParse(stored)
        return key.success ? [{ sessionId, ...key.data.session_data }] : []
      })
      return { ok: true, value: keys }
    },
  }
}
