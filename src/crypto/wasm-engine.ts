import { randomUUID } from 'node:crypto'
import {
  CollectStrategy,
  DecryptionErrorCode,
  DecryptionSettings,
  DeviceId as WasmDeviceId,
  DeviceLists,
  EncryptionAlgorithm,
  EncryptionSettings,
  getVersions,
  HistoryVisibility,
  initAsync,
  OlmMachine,
  ProcessedToDeviceEventType,
  RequestType,
  RoomId as WasmRoomId,
  StoreHandle,
  TrustRequirement,
  UserId as WasmUserId,
} from '@matrix-org/matrix-sdk-crypto-wasm'
import type { Device, DecryptedToDeviceEvent, ToDeviceRequest } from '@matrix-org/matrix-sdk-crypto-wasm'
import type { Database } from '../database/database.ts'
import type { GateFailure, GateResult } from '../http/contract.ts'
import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { DeviceId, JsonObject, RoomId, UserId } from '../types.ts'
import type { DurableStore } from './durable-store.ts'
import type { CryptoHttp } from './http.ts'
import type { CryptoPort, CryptoSync, Decrypted, Encrypted, KnownDevice, RoomEncryption, Undecryptable } from './port.ts'
import { Quarantine } from './quarantine.ts'
import type { EngineInput } from './quarantine.ts'
import { concerns, ownKeysProblem } from './own-keys.ts'
import type { OwnKeys, OwnKeysProblem } from './own-keys.ts'
import { OlmRepair, sendersOfDummies } from './olm-repair.ts'
import type { BrokenDevice } from './olm-repair.ts'
import { longestRotation } from './room-encryption.ts'
import { RoomSessions } from './room-sessions.ts'
import { questionFor, receivedKeys, UnneededKeys } from './unneeded-keys.ts'
import type { KeepsKeys } from './unneeded-keys.ts'
import { identityKeyOf, senderOf } from './sender.ts'
import type { BridgeBotOf } from './sender.ts'

/** What the engine needs. */
export interface WasmEngineOptions {
  readonly database: Database
  readonly store: DurableStore
  readonly userId: UserId
  readonly deviceId: DeviceId
  /** 32 bytes, bound to user and device. */
  readonly storeKey: Uint8Array
  readonly http: CryptoHttp
  /** Whose device encrypts for a bridged person. Default: nobody is bridged. */
  readonly bridgeBotOf?: BridgeBotOf
  readonly clock: Clock
  readonly logger: Logger
  /** The engine panicked or a call never came back: the process must end and start again. */
  readonly onBroken: (error: Error) => void
  /** The server has other keys of this device than the store: an older copy of the store was put back. It cannot heal. */
  readonly onForeignKeys: () => void
  /** An answer of the server does not fit the bot's own keys. The engine was not told of that answer: it would drop its private keys. */
  readonly onOwnKeysProblem?: (problem: OwnKeysProblem) => void
}

/** No call into the engine takes this long unless it has panicked (milliseconds). */
const callDeadlineMs = 60_000
/**
 * The engine's own limits lie above the longest that a room may have, so that it never finds a session expired that we still use: it panics
 * then. They are the same for every room, because a session keeps the limits that it began with, also when the room's become longer.
 */
const engineMessages = BigInt(longestRotation.messages + 50)
const enginePeriod = BigInt(longestRotation.periodMs + 24 * 3_600_000) * 1000n
/** How often a key is shared again because the room changed while it was on its way. */
const mostShares = 3

const visibilities: Readonly<Record<string, HistoryVisibility>> = {
  invited: HistoryVisibility.Invited,
  joined: HistoryVisibility.Joined,
  world_readable: HistoryVisibility.WorldReadable,
}

/** Under this name the master key is remembered that signed this device. */
export const ownMasterKey = 'identity.master'

/** What the engine wants to have sent; the last two are there for to-device messages. */
interface OutgoingRequest {
  readonly id: string
  readonly type: RequestType
  readonly body: string
  readonly event_type?: string
  readonly txn_id?: string
}

/** Compiles the engine, which may be begun before it is needed. Safe to call twice. */
export const loadEngine = (): Promise<void> => initAsync()

/** The Rust crypto state machine, built for WebAssembly, on the durable store. */
export class WasmEngine implements CryptoPort {
  readonly userId: UserId
  readonly deviceId: DeviceId
  readonly engine: string
  /** The state machine itself: for `identity.ts` and `wasm-backup.ts` only. */
  readonly machine: OlmMachine
  /** Keeps events away over which the engine broke before. */
  readonly quarantine: Quarantine
  readonly #options: WasmEngineOptions
  readonly #rooms: RoomSessions
  readonly #unneeded: UnneededKeys
  readonly #decryption = new DecryptionSettings(TrustRequirement.Untrusted)
  #keyListeners: ((keys: readonly { roomId: RoomId; sessionId: string }[]) => void)[] = []
  #deviceListeners: ((userIds: readonly UserId[]) => void)[] = []
  #outgoing: Promise<string | undefined> | undefined
  #claim: Promise<unknown> = Promise.resolve()
  #keyCounts = ''
  #turn: Promise<unknown> = Promise.resolve()
  readonly #repair: OlmRepair
  /** To-device events whose results are not on disk yet. */
  #fed: readonly EngineInput[] = []
  #closed = false

  private constructor(options: WasmEngineOptions, machine: OlmMachine, name: string) {
    this.#options = options
    this.machine = machine
    this.userId = options.userId
    this.deviceId = options.deviceId
    this.engine = `wasm ${getVersions().matrix_sdk_crypto}`
    this.quarantine = new Quarantine(options)
    this.#repair = new OlmRepair({
      openSession: (device) => this.#openSession(device),
      sendDummy: (device) => this.#sendDummy(device),
      logger: options.logger,
    })
    this.#rooms = new RoomSessions(options.clock)
    const ask = async (roomId: RoomId, sessionId: string): Promise<void> => {
      const question = async () => this.machine.getRoomEventEncryptionInfo(questionFor(roomId, sessionId), new WasmRoomId(roomId))
      // It is about the look-up alone; that there is no such session is the usual answer.
      const asked = (): Promise<void> =>
        question().then(
          () => undefined,
          () => undefined,
        )
      await this.#call('getRoomEventEncryptionInfo', asked)
    }
    this.#unneeded = new UnneededKeys({ store: options.store, database: `${name}::matrix-sdk-crypto`, ask })
  }

  /** Loads the engine and opens its store. The store key is bound to user and device: another one is refused by the engine. */
  static async open(options: WasmEngineOptions): Promise<WasmEngine> {
    await loadEngine()
    const name = `gatehouse/${options.userId}/${options.deviceId}`
    const quiet = {
      debug: () => undefined,
      info: () => undefined,
      warn: () => undefined,
      error: (line: unknown) => options.logger.debug({ engine: String(line) }, 'crypto engine'),
    }
    const handle = await StoreHandle.openWithKey(name, options.storeKey, quiet)
    const machine = await OlmMachine.initFromStore(new WasmUserId(options.userId), new WasmDeviceId(options.deviceId), handle, quiet)
    const engine = new WasmEngine(options, machine, name)
    machine.registerRoomKeyUpdatedCallback((infos) => {
      const keys = infos.map((info) => ({ roomId: info.roomId.toString() as RoomId, sessionId: info.sessionId }))
      for (const listener of engine.#keyListeners) listener(keys)
      return Promise.resolve()
    })
    machine.registerDevicesUpdatedCallback((userIds) => {
      engine.#devicesChanged(userIds as UserId[])
      return Promise.resolve()
    })
    machine.registerUserIdentityUpdatedCallback((userId) => {
      engine.#devicesChanged([userId.toString() as UserId])
      return Promise.resolve()
    })
    return engine
  }

  /**
   * Every call into the engine: with a deadline, and off once it is closed.
   * @param inputs what others have written and the engine has to read in this call
   */
  #call<T>(name: string, work: () => Promise<T>, inputs: readonly EngineInput[] = []): Promise<T> {
    if (!this.quarantine.careful) return this.#enter(name, work, inputs)
    // Alone in the engine: if it breaks now, it is known over what.
    const enter = (): Promise<T> => this.#enter(name, work, inputs)
    const turn = this.#turn.then(enter, enter)
    this.#turn = turn
    return turn
  }

  /** A call of `wasm-backup.ts` into the machine. */
  call<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#call(name, work)
  }

  async #enter<T>(name: string, work: () => Promise<T>, inputs: readonly EngineInput[]): Promise<T> {
    if (this.#closed) throw new Error('the crypto engine is closed')
    const { quarantine } = this
    const leave = quarantine.enter(inputs)
    let timer: NodeJS.Timeout | undefined
    const deadline = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new Error(`the crypto engine did not come back from ${name}`)
        quarantine.engineBroke(error.message, false)
        this.#options.onBroken(error)
        reject(error)
      }, callDeadlineMs)
    })
    try {
      return await Promise.race([work(), deadline])
    } finally {
      leave()
      clearTimeout(timer)
    }
  }

  async feed(sync: CryptoSync): Promise<void> {
    const counts = JSON.stringify([sync.oneTimeKeyCounts, sync.unusedFallbackKeys])
    const nothing =
      sync.toDevice.length === 0 && sync.changedDevices.length === 0 && sync.leftDevices.length === 0 && counts === this.#keyCounts
    // Feeding costs 4 ms and rewrites the account row even when there is nothing.
    if (nothing) return
    this.#options.store.begin()
    const { quarantine } = this
    const portions = portionsOf(sync.toDevice as readonly JsonObject[], quarantine)
    for (const [index, inputs] of portions.entries()) await this.#receive(sync, inputs, index === 0)
    this.#fed = portions.flat()
    this.#keyCounts = counts
    if (sync.changedDevices.length > 0) this.#devicesChanged(sync.changedDevices as readonly UserId[])
  }

  async #receive(sync: CryptoSync, inputs: readonly EngineInput[], withLists: boolean): Promise<void> {
    const receive = () =>
      this.machine.receiveSyncChanges(
        JSON.stringify(inputs.map(({ event }) => event)),
        withLists ? new DeviceLists(usersOf(sync.changedDevices), usersOf(sync.leftDevices)) : new DeviceLists(),
        new Map(Object.entries(sync.oneTimeKeyCounts)),
        sync.unusedFallbackKeys === undefined ? undefined : new Set(sync.unusedFallbackKeys),
        new DecryptionSettings(TrustRequirement.Untrusted),
      )
    const events = await this.#call('receiveSyncChanges', receive, inputs).catch((error: unknown) => {
      if (!this.#closed) this.quarantine.refused(inputs, String(error))
      throw error
    })
    const rawOf = (wanted: ProcessedToDeviceEventType): readonly string[] =>
      events.filter(({ type }) => type === wanted).map(({ rawEvent }) => rawEvent)
    this.#repair.note(rawOf(ProcessedToDeviceEventType.UnableToDecrypt))
    // Who opened a new session could not read us: at the next message it is looked at again who needs the room key.
    this.#rooms.touchUsers(sendersOfDummies(rawOf(ProcessedToDeviceEventType.Decrypted)))
    await this.#dropUnneeded(events.filter(({ type }) => type === ProcessedToDeviceEventType.Decrypted) as DecryptedToDeviceEvent[])
  }

  async #dropUnneeded(events: readonly DecryptedToDeviceEvent[]): Promise<void> {
    const unfound = await this.#unneeded.drop(receivedKeys(events.map(({ rawEvent }) => rawEvent)))
    if (unfound > 0)
      this.#options.logger.warn({ keys: unfound }, 'room keys that are not needed could not be found in the store: they stay')
  }

  keepOnly(keeps: KeepsKeys): void {
    this.#unneeded.keepOnly(keeps)
  }

  #devicesChanged(userIds: readonly UserId[]): void {
    this.#rooms.touchUsers(userIds)
    for (const listener of this.#deviceListeners) listener(userIds)
  }

  commit(work: () => void): void {
    this.#options.database.transaction(() => {
      work()
      this.#options.store.flush()
      if (this.quarantine.careful) this.quarantine.clear(this.#fed)
    })
    this.#fed = []
    this.#options.store.release()
  }

  async flushOutgoing(): Promise<void> {
    await this.#flush()
    await this.#repair.run()
  }

  #flush(): Promise<string | undefined> {
    // One at a time: two uploads of keys at once would confuse the server's count.
    this.#outgoing ??= this.#sendOutgoing().finally(() => {
      this.#outgoing = undefined
    })
    return this.#outgoing
  }

  /** Asks for the devices of all people that the engine has to know. Returns why that failed, in words. */
  async #queryTracked(): Promise<string | undefined> {
    // A round under way took its requests before the newest people were added.
    await this.#outgoing?.catch(() => undefined)
    return this.#flush()
  }

  /** Returns why the devices of somebody could not be asked for, if so. */
  async #sendOutgoing(): Promise<string | undefined> {
    const requests = (await this.#call('outgoingRequests', () => this.machine.outgoingRequests())) as OutgoingRequest[]
    if (requests.length === 0) return undefined
    await this.#options.store.durable()
    let failed: string | undefined
    for (const request of requests) {
      const problem = await this.#sendOne(request)
      if (problem === undefined) continue
      if (request.type === RequestType.KeysQuery) failed ??= `devices could not be asked for (${problem})`
      this.#options.logger.warn({ type: RequestType[request.type], problem }, 'a key request failed; it is repeated after the next sync')
    }
    return failed
  }

  /** Returns why it failed. An answer that the engine cannot read must not keep the other requests from being sent. */
  async #sendOne(request: OutgoingRequest): Promise<string | undefined> {
    const result = await this.#send(request)
    if (result === undefined) return undefined
    if (!result.ok) {
      if (request.type === RequestType.KeysUpload && hasForeignKeys(result)) this.#options.onForeignKeys()
      return result.code
    }
    if (request.type === RequestType.KeysQuery && this.#foreign(result.body)) return 'the answer does not fit our own keys'
    try {
      await this.markSent(request.id, request.type, result.body)
      return undefined
    } catch (error) {
      if (this.#closed) throw error
      return `the answer could not be read: ${String(error)}`
    }
  }

  async #send(request: OutgoingRequest): Promise<GateResult | undefined> {
    const { http, logger } = this.#options
    const body: unknown = JSON.parse(request.body)
    switch (request.type) {
      case RequestType.KeysUpload:
        return http.keysUpload(body)
      case RequestType.KeysQuery:
        return http.keysQuery(body)
      case RequestType.KeysClaim:
        return http.keysClaim(body)
      case RequestType.SignatureUpload:
        return http.signaturesUpload(body)
      case RequestType.ToDevice:
        return http.sendToDevice(request.event_type ?? '', request.txn_id ?? '', body)
      case RequestType.RoomMessage:
      case RequestType.KeysBackup:
        logger.debug({ type: RequestType[request.type] }, 'the engine asked for something this bot does not do')
        return undefined
    }
  }

  /** This device's public keys, and those of its identity once it is signed. */
  get ownKeys(): OwnKeys {
    const { ed25519, curve25519 } = this.machine.identityKeys
    const { userId, deviceId } = this
    const masterKey = this.#options.database.meta(ownMasterKey)
    return { userId, deviceId, ed25519: ed25519.toBase64(), curve25519: curve25519.toBase64(), masterKey }
  }

  /** Does an answer speak against our own keys? It is reported then. Before the device is signed it may not be known to the server yet. */
  #foreign(body: unknown): boolean {
    const { ownKeys } = this
    const problem = concerns(body, this.userId) ? ownKeysProblem(body, ownKeys) : undefined
    if (problem === undefined || (problem.code === 'device-missing' && ownKeys.masterKey === undefined)) return false
    this.#options.onOwnKeysProblem?.(problem)
    return true
  }

  /** Asks the server what it shows for this bot. `undefined` = it could not be asked. */
  async checkOwnKeys(): Promise<{ readonly problem: OwnKeysProblem | undefined } | undefined> {
    const result = await this.#options.http.keysQuery({ device_keys: { [this.userId]: [] } })
    return result.ok ? { problem: ownKeysProblem(result.body, this.ownKeys) } : undefined
  }

  /** Tells the engine the answer to one of its requests. */
  async markSent(id: string, type: RequestType, body: unknown): Promise<void> {
    await this.#call('markRequestAsSent', () => this.machine.markRequestAsSent(id, type, JSON.stringify(body ?? {})))
  }

  async decrypt(roomId: RoomId, event: JsonObject): Promise<Decrypted | Undecryptable> {
    const content = (event['content'] ?? {}) as JsonObject
    const sessionId = typeof content['session_id'] === 'string' ? content['session_id'] : undefined
    // A relation outside the ciphertext is the server's word, not the sender's: the engine would take it over.
    const { 'm.relates_to': _outer, ...inside } = content
    const { quarantine } = this
    const input: EngineInput = { kind: 'room', event }
    if (quarantine.has(input)) return { ok: false, code: 'other', withheld: undefined, sessionId }
    try {
      const decrypted = await this.#call(
        'decryptRoomEvent',
        () => this.machine.decryptRoomEvent(JSON.stringify({ ...event, content: inside }), new WasmRoomId(roomId), this.#decryption),
        [input],
      )
      const plain = JSON.parse(decrypted.event) as JsonObject
      return {
        ok: true,
        type: typeof plain['type'] === 'string' ? plain['type'] : '',
        content: (plain['content'] ?? {}) as JsonObject,
        ...(await this.#call('getDevice', () => senderOf(this.machine, decrypted, this.#options.bridgeBotOf ?? (() => undefined)))),
      }
    } catch (error) {
      return { ok: false, ...undecryptable(error), sessionId }
    } finally {
      // Read or refused: it came back.
      if (quarantine.careful && !this.#closed) quarantine.clear([input])
    }
  }

  async identityKey(userId: UserId): Promise<string | undefined> {
    return usersOf([userId]).length === 0 ? undefined : this.#call('getIdentity', () => identityKeyOf(this.machine, userId))
  }

  encrypt(roomId: RoomId, current: () => RoomEncryption | undefined, type: string, content: JsonObject): Promise<Encrypted> {
    return this.#rooms.exclusive(roomId, async () => {
      const failure = await this.#prepare(roomId, current)
      if (failure !== undefined) return { ok: false, code: 'keys-not-shared', words: failure }
      this.#rooms.count(roomId)
      const ciphertext = await this.#call('encryptRoomEvent', () =>
        this.machine.encryptRoomEvent(new WasmRoomId(roomId), type, JSON.stringify(content)),
      )
      await this.#options.store.durable()
      return { ok: true, content: JSON.parse(ciphertext) as JsonObject }
    })
  }

  /** Rotates and shares as needed, until everybody who is in the room now has the key. Returns why it could not, in words. */
  async #prepare(roomId: RoomId, current: () => RoomEncryption | undefined): Promise<string | undefined> {
    for (let shares = 0; shares < mostShares; shares += 1) {
      // Looked up at every try: people come and go while a message waits for its turn, and while the key is on its way.
      const room = current()
      if (room === undefined) return 'it is not known at the moment who is in the room'
      if (this.#rooms.due(room)) {
        await this.#call('invalidateGroupSession', () => this.machine.invalidateGroupSession(new WasmRoomId(roomId)))
        this.#rooms.begin(room)
      }
      if (this.#rooms.clean(room)) return undefined
      const generation = this.#rooms.generation(roomId)
      const failure = await this.#share(room)
      if (failure !== undefined) return failure
      this.#rooms.shared(room, generation)
      if (this.#rooms.generation(roomId) === generation) return undefined
    }
    return 'the room changes faster than its key can be shared'
  }

  /** Brings the room key to every device of the recipients. Returns why it could not, in words. */
  async #share(room: RoomEncryption): Promise<string | undefined> {
    const users = (): WasmUserId[] => usersOf(room.recipients)
    await this.#call('updateTrackedUsers', () => this.machine.updateTrackedUsers(users()))
    const unknown = await this.#queryTracked()
    if (unknown !== undefined) return unknown
    const claimed = await this.#claimSessions(users)
    if (claimed !== undefined) return claimed
    const settings = new EncryptionSettings()
    settings.algorithm = EncryptionAlgorithm.MegolmV1AesSha2
    settings.historyVisibility = visibilities[room.historyVisibility] ?? HistoryVisibility.Shared
    settings.rotationPeriod = enginePeriod
    settings.rotationPeriodMessages = engineMessages
    // Who gets no key is told so (`m.room_key.withheld`, `m.unverified`): those requests are among the ones below.
    settings.sharingStrategy = room.sharing === 'signed-devices' ? CollectStrategy.identityBasedStrategy() : CollectStrategy.allDevices()
    const requests: ToDeviceRequest[] = await this.#call('shareRoomKey', () =>
      this.machine.shareRoomKey(new WasmRoomId(room.roomId), users(), settings),
    )
    if (requests.length > 0) await this.#options.store.durable()
    for (const request of requests) {
      const result = await this.#options.http.sendToDevice(request.event_type, request.txn_id, JSON.parse(request.body))
      if (!result.ok) return `the room key could not be sent to everybody (${result.code})`
      await this.markSent(request.id, RequestType.ToDevice, result.body)
    }
    return undefined
  }

  /** Opens Olm sessions where they are missing. One claim at a time, as the engine wants it. */
  #claimSessions(users: () => WasmUserId[], onClaimed?: () => void): Promise<string | undefined> {
    const run = async (): Promise<string | undefined> => {
      const request = await this.#call('getMissingSessions', () => this.machine.getMissingSessions(users()))
      if (request === null || request === undefined) return undefined
      await this.#options.store.durable()
      const result = await this.#options.http.keysClaim(JSON.parse(request.body))
      if (!result.ok) return `one-time keys could not be claimed (${result.code})`
      await this.markSent(request.id, RequestType.KeysClaim, result.body)
      onClaimed?.()
      return undefined
    }
    const next = this.#claim.then(run, run)
    this.#claim = next
    return next
  }

  async #openSession({ sender, senderKey }: BrokenDevice): Promise<'opened' | 'not-needed' | 'failed'> {
    if ((await this.#deviceOf(sender, senderKey)) === undefined) return 'not-needed'
    let claimed = false
    const failure = await this.#claimSessions(
      () => usersOf([sender]),
      () => {
        claimed = true
      },
    )
    return failure !== undefined ? 'failed' : claimed ? 'opened' : 'not-needed'
  }

  async #sendDummy({ sender, senderKey }: BrokenDevice): Promise<boolean> {
    const device = await this.#deviceOf(sender, senderKey)
    if (device === undefined) return true
    const content = await this.#call('encryptToDeviceEvent', () => device.encryptToDeviceEvent('m.dummy', {}))
    await this.#options.store.durable()
    const messages = { [sender]: { [device.deviceId.toString()]: JSON.parse(content) as JsonObject } }
    return (await this.#options.http.sendToDevice('m.room.encrypted', randomUUID(), { messages })).ok
  }

  async #deviceOf(sender: UserId, senderKey: string): Promise<Device | undefined> {
    if (usersOf([sender]).length === 0) return undefined
    const devices = await this.#call('getUserDevices', () => this.machine.getUserDevices(new WasmUserId(sender)))
    return devices.devices().find((device) => device.curve25519Key?.toBase64() === senderKey)
  }

  touch(roomId: RoomId): void {
    this.#rooms.touch(roomId)
  }

  expire(roomId: RoomId): void {
    this.#rooms.expire(roomId)
  }

  async queryDevices(userId: UserId): Promise<readonly KnownDevice[] | undefined> {
    if (usersOf([userId]).length === 0) return []
    await this.#call('updateTrackedUsers', () => this.machine.updateTrackedUsers([new WasmUserId(userId)]))
    const request = this.machine.queryKeysForUsers([new WasmUserId(userId)])
    const result = await this.#options.http.keysQuery(JSON.parse(request.body))
    if (!result.ok) return undefined
    if (this.#foreign(result.body)) return undefined
    await this.markSent(request.id, RequestType.KeysQuery, result.body)
    const devices = await this.#call('getUserDevices', () => this.machine.getUserDevices(new WasmUserId(userId)))
    return devices.devices().map((device) => ({ deviceId: device.deviceId.toString() as DeviceId, signed: device.isCrossSignedByOwner() }))
  }

  onRoomKeys(listener: (keys: readonly { readonly roomId: RoomId; readonly sessionId: string }[]) => void): void {
    this.#keyListeners.push(listener)
  }

  onDevicesChanged(listener: (userIds: readonly UserId[]) => void): void {
    this.#deviceListeners.push(listener)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    await this.#outgoing?.catch(() => undefined)
    this.#closed = true
    this.#keyListeners = []
    this.#deviceListeners = []
    this.machine.close()
  }
}

/** To-device events as the engine gets them: together, without those that are set aside; those that are suspected each alone. */
const portionsOf = (events: readonly JsonObject[], quarantine: Quarantine): readonly (readonly EngineInput[])[] => {
  const inputs = events.map((event): EngineInput => ({ kind: 'to-device', event })).filter((input) => !quarantine.has(input))
  if (!quarantine.careful) return [inputs]
  const portions: EngineInput[][] = [[]]
  for (const input of inputs) {
    if (quarantine.suspects(input)) portions.push([input], [])
    else portions.at(-1)?.push(input)
  }
  // Lists of devices and counts of keys are fed also where there is no event.
  return portions.filter((portion, index) => index === 0 || portion.length > 0)
}

/** Synapse refuses a one-time key under an id that it has with another key. It has no error code of its own for that. */
const hasForeignKeys = (failure: GateFailure): boolean => {
  if (failure.code !== 'status' || failure.status !== 400 || typeof failure.body !== 'object' || failure.body === null) return false
  const { error } = failure.body as { readonly error?: unknown }
  return typeof error === 'string' && /one time key .* already exists/i.test(error)
}

/** Ids as the engine takes them (each call consumes them). Some servers let people have ids that it refuses: those cannot have devices. */
const usersOf = (ids: readonly string[]): WasmUserId[] =>
  ids.flatMap((id) => {
    try {
      return [new WasmUserId(id)]
    } catch {
      return []
    }
  })

const undecryptable = (error: unknown): { readonly code: Undecryptable['code']; readonly withheld: string | undefined } => {
  // The engine's error is no `Error`: it has a code and a description.
  const { code, withheldCode } = error as { readonly code?: DecryptionErrorCode; readonly withheldCode?: string }
  if (withheldCode !== undefined) return { code: 'withheld', withheld: withheldCode }
  switch (code) {
    case DecryptionErrorCode.MissingRoomKey:
    case DecryptionErrorCode.UnknownMessageIndex:
      return { code: 'missing-key', withheld: undefined }
    case DecryptionErrorCode.MismatchedIdentityKeys:
    case DecryptionErrorCode.MismatchedSender:
      return { code: 'forged', withheld: undefined }
    default:
      return { code: 'other', withheld: undefined }
  }
}
