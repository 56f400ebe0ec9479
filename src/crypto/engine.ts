import { randomUUID } from 'node:crypto'
import type { Clock } from '../operations/clock.ts'
import type { DeviceId, JsonObject, RoomId, UserId } from '../types.ts'
import { ChangedIdentities } from './changed-identities.ts'
import type { DeviceFacts, EngineBinding, EngineRequest } from './engine-binding.ts'
import { EngineCalls } from './engine-calls.ts'
import { KeyRequests } from './key-requests.ts'
import type { KeyRequestsOptions } from './key-requests.ts'
import { OlmRepair, sendersOfDummies } from './olm-repair.ts'
import type { BrokenDevice } from './olm-repair.ts'
import type { OwnKeys, OwnKeysProblem } from './own-keys.ts'
import type { PersonIdentities } from './person-identities.ts'
import type { CryptoPort, CryptoSync, Decrypted, Encrypted, KnownDevice, RoomEncryption, Undecryptable } from './port.ts'
import { Quarantine } from './quarantine.ts'
import type { EngineInput } from './quarantine.ts'
import { RoomKeySharing } from './room-key-sharing.ts'
import { RoomSessions } from './room-sessions.ts'
import { Senders } from './sender.ts'
import type { BridgeBotOf } from './sender.ts'
import type { KeepsKeys } from './unneeded-keys.ts'

/** What the engine needs, whichever build it is. */
export interface EngineOptions extends KeyRequestsOptions {
  /** Whose device encrypts for a bridged person. Default: nobody is bridged. */
  readonly bridgeBotOf?: BridgeBotOf
  /** The identities that are remembered of people. Default: none, so that every signed device counts. */
  readonly identities?: Pick<PersonIdentities, 'all'>
  readonly clock: Clock
  /** The engine panicked or a call never came back: the process must end and start again. */
  readonly onBroken: (error: Error) => void
}

/** The encryption of this bot: what to send when, whom to give keys and whom to believe, over one build of the library. */
export class Engine implements CryptoPort {
  readonly userId: UserId
  readonly deviceId: DeviceId
  readonly engine: string
  /** The library itself: for `identity.ts` and its like only. */
  readonly binding: EngineBinding
  /** Keeps events away over which the engine broke before. */
  readonly quarantine: Quarantine
  readonly #options: EngineOptions
  readonly #calls: EngineCalls
  readonly #requests: KeyRequests
  readonly #rooms: RoomSessions
  readonly #sharing: RoomKeySharing
  readonly #changed: ChangedIdentities
  readonly #repair: OlmRepair
  readonly #senders: Senders
  #keyListeners: ((keys: readonly { readonly roomId: RoomId; readonly sessionId: string }[]) => void)[] = []
  #deviceListeners: ((userIds: readonly UserId[]) => void)[] = []
  #keyCounts = ''
  /** To-device events whose results are not on disk yet. */
  #fed: readonly EngineInput[] = []

  constructor(options: EngineOptions, binding: EngineBinding) {
    const { store, http } = options
    this.#options = options
    this.binding = binding
    this.userId = options.userId
    this.deviceId = options.deviceId
    this.engine = binding.name
    this.quarantine = new Quarantine(options)
    this.#calls = new EngineCalls(this.quarantine, options.onBroken, (error) => binding.panicked(error))
    this.#requests = new KeyRequests(options, binding, this.#calls)
    this.#rooms = new RoomSessions(options.clock)
    this.#senders = new Senders(binding, options.bridgeBotOf ?? (() => undefined))
    const { identities = { all: () => [] }, logger } = options
    this.#changed = new ChangedIdentities({ binding, calls: this.#calls, identities, http, logger })
    const [calls, requests, rooms, changed] = [this.#calls, this.#requests, this.#rooms, this.#changed]
    this.#sharing = new RoomKeySharing({ binding, calls, requests, rooms, store, http, changed })
    this.#repair = new OlmRepair({
      openSession: (device) => this.#openSession(device),
      sendDummy: (device) => this.#sendDummy(device),
      logger: options.logger,
    })
    binding.listen({
      roomKeys: (keys) => {
        for (const listener of this.#keyListeners) listener(keys)
      },
      devices: (userIds) => this.#devicesChanged(userIds),
    })
  }

  /** A call of `wasm-backup.ts` into the library. */
  call<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#calls.run(name, work)
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
      this.binding.receive({
        toDevice: inputs.map(({ event }) => event),
        changedDevices: withLists ? sync.changedDevices : [],
        leftDevices: withLists ? sync.leftDevices : [],
        oneTimeKeyCounts: sync.oneTimeKeyCounts,
        unusedFallbackKeys: sync.unusedFallbackKeys,
      })
    const { decrypted, undecrypted } = await this.#calls.run('receiveSyncChanges', receive, inputs).catch((error: unknown) => {
      if (!this.#calls.closed) this.quarantine.refused(inputs, String(error))
      throw error
    })
    this.#repair.note(undecrypted)
    // Who opened a new session could not read us: at the next message it is looked at again who needs the room key.
    this.#rooms.touchUsers(sendersOfDummies(decrypted))
    if (decrypted.length === 0) return
    const unfound = await this.#calls.run('getRoomEventEncryptionInfo', () => this.binding.dropUnneeded(decrypted))
    if (unfound > 0)
      this.#options.logger.warn({ keys: unfound }, 'room keys that are not needed could not be found in the store: they stay')
  }

  keepOnly(keeps: KeepsKeys): void {
    this.binding.keepOnly(keeps)
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
    await this.#requests.flush()
    await this.#repair.run()
  }

  /** This device's public keys, and those of its identity once it is signed. */
  get ownKeys(): OwnKeys {
    return this.#requests.ownKeys
  }

  /** Asks the server what it shows for this bot. `undefined` = it could not be asked. */
  checkOwnKeys(): Promise<{ readonly problem: OwnKeysProblem | undefined } | undefined> {
    return this.#requests.checkOwn()
  }

  /** Tells the engine the answer to one of its requests. */
  markSent(request: Pick<EngineRequest, 'id' | 'kind'>, body: unknown): Promise<void> {
    return this.#requests.markSent(request, body)
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
      const decrypted = await this.#calls.run(
        'decryptRoomEvent',
        () => this.binding.decrypt(roomId, JSON.stringify({ ...event, content: inside })),
        [input],
      )
      const plain = JSON.parse(decrypted.event) as JsonObject
      return {
        ok: true,
        type: typeof plain['type'] === 'string' ? plain['type'] : '',
        content: (plain['content'] ?? {}) as JsonObject,
        ...(await this.#calls.run('getDevice', () => this.#senders.of(decrypted))),
      }
    } catch (error) {
      return { ok: false, ...this.binding.failureOf(error), sessionId }
    } finally {
      // Read or refused: it came back.
      if (quarantine.careful && !this.#calls.closed) quarantine.clear([input])
    }
  }

  async identityKey(userId: UserId): Promise<string | undefined> {
    return this.binding.takes(userId) ? this.#calls.run('getIdentity', () => this.binding.masterKeyOf(userId)) : undefined
  }

  encrypt(roomId: RoomId, current: () => RoomEncryption | undefined, type: string, content: JsonObject): Promise<Encrypted> {
    return this.#rooms.exclusive(roomId, async () => {
      const failure = await this.#sharing.prepare(roomId, current)
      if (failure !== undefined) return { ok: false, code: 'keys-not-shared', words: failure }
      this.#rooms.count(roomId)
      const ciphertext = await this.#calls.run('encryptRoomEvent', () => this.binding.encrypt(roomId, type, JSON.stringify(content)))
      await this.#options.store.durable()
      const made = JSON.parse(ciphertext) as JsonObject
      if (this.#changed.concerns(roomId)) await this.#changed.tell(roomId, made)
      return { ok: true, content: made }
    })
  }

  async #openSession({ sender, senderKey }: BrokenDevice): Promise<'opened' | 'not-needed' | 'failed'> {
    if ((await this.#deviceOf(sender, senderKey)) === undefined) return 'not-needed'
    const opened = await this.#sharing.claimSessions([sender])
    return typeof opened === 'object' ? 'failed' : opened
  }

  async #sendDummy({ sender, senderKey }: BrokenDevice): Promise<boolean> {
    const device = await this.#deviceOf(sender, senderKey)
    if (device === undefined) return true
    const messages = await this.#calls.run('encryptToDeviceEvent', () => this.binding.dummyFor(sender, device.deviceId))
    if (messages === undefined) return true
    await this.#options.store.durable()
    return (await this.#options.http.sendToDevice('m.room.encrypted', randomUUID(), { messages })).ok
  }

  async #deviceOf(sender: UserId, senderKey: string): Promise<DeviceFacts | undefined> {
    if (!this.binding.takes(sender)) return undefined
    const devices = await this.#calls.run('getUserDevices', () => this.binding.devicesOf(sender))
    return devices.find((device) => device.senderKey === senderKey)
  }

  touch(roomId: RoomId): void {
    this.#rooms.touch(roomId)
  }

  expire(roomId: RoomId): void {
    this.#rooms.expire(roomId)
  }

  async queryDevices(userId: UserId): Promise<readonly KnownDevice[] | undefined> {
    if (!this.binding.takes(userId)) return []
    await this.#calls.run('updateTrackedUsers', () => this.binding.track([userId]))
    if (!(await this.#requests.query(userId))) return undefined
    const devices = await this.#calls.run('getUserDevices', () => this.binding.devicesOf(userId))
    return devices.map(({ deviceId, signed }) => ({ deviceId, signed }))
  }

  onRoomKeys(listener: (keys: readonly { readonly roomId: RoomId; readonly sessionId: string }[]) => void): void {
    this.#keyListeners.push(listener)
  }

  onDevicesChanged(listener: (userIds: readonly UserId[]) => void): void {
    this.#deviceListeners.push(listener)
  }

  async close(): Promise<void> {
    if (this.#calls.closed) return
    await this.#requests.settled()
    this.#calls.close()
    this.#keyListeners = []
    this.#deviceListeners = []
    await this.binding.close()
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
