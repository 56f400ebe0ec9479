import { randomUUID } from 'node:crypto'
import type { Logger } from '../operations/logger.ts'
import type { JsonObject, RoomId, UserId } from '../types.ts'
import type { EngineBinding } from './engine-binding.ts'
import type { EngineCalls } from './engine-calls.ts'
import type { CryptoHttp } from './http.ts'
import type { PersonIdentities } from './person-identities.ts'

/**
 * People who show another identity than the one that is remembered of them. Their devices are signed, so the library would give them the keys; but
 * whoever made that identity may be somebody else. They get none until somebody has accepted it, and are told so.
 */
export class ChangedIdentities {
  readonly #binding: EngineBinding
  readonly #calls: EngineCalls
  readonly #identities: Pick<PersonIdentities, 'all'>
  readonly #http: Pick<CryptoHttp, 'sendToDevice'>
  readonly #logger: Logger
  /** Those of a room who got no key, as of its last share. */
  readonly #withheld = new Map<RoomId, ReadonlySet<UserId>>()
  /** Who was told about which session. */
  readonly #told = new Map<RoomId, { readonly sessionId: unknown; readonly users: Set<UserId> }>()

  constructor(options: {
    readonly binding: EngineBinding
    readonly calls: EngineCalls
    readonly identities: Pick<PersonIdentities, 'all'>
    readonly http: Pick<CryptoHttp, 'sendToDevice'>
    readonly logger: Logger
  }) {
    this.#binding = options.binding
    this.#calls = options.calls
    this.#identities = options.identities
    this.#http = options.http
    this.#logger = options.logger
  }

  /** Does anybody in the room get no key? */
  concerns(roomId: RoomId): boolean {
    return (this.#withheld.get(roomId)?.size ?? 0) > 0
  }

  /** Was somebody accepted since who got no key? A change to the worse comes with changed devices, and the room is shared again for these. */
  async accepted(roomId: RoomId, recipients: readonly UserId[]): Promise<boolean> {
    const before = this.#withheld.get(roomId)
    if (before === undefined || before.size === 0) return false
    const now = await this.#find(recipients)
    return [...before].some((userId) => !now.has(userId))
  }

  /**
   * Looks who of them shows another identity, as far as the library knows their keys.
   * @returns whether somebody gets no key who was not among them at the room's last share: the session in use is over then
   */
  async look(roomId: RoomId, recipients: readonly UserId[]): Promise<{ readonly withheld: ReadonlySet<UserId>; readonly newly: boolean }> {
    const withheld = await this.#find(recipients)
    const before = this.#withheld.get(roomId)
    this.#withheld.set(roomId, withheld)
    return { withheld, newly: [...withheld].some((userId) => before?.has(userId) !== true) }
  }

  async #find(recipients: readonly UserId[]): Promise<ReadonlySet<UserId>> {
    const withheld = new Set<UserId>()
    const here = new Set(recipients)
    for (const { userId, masterKey } of this.#identities.all()) {
      if (!here.has(userId) || !this.#binding.takes(userId)) continue
      const shown = await this.#calls.run('getIdentity', () => this.#binding.masterKeyOf(userId))
      // Without an identity there is no signed device, and the library withholds the key by itself. Under the remembered one the signed devices are
      // the person's own, also while another that was shown once waits for a decision: they must be able to read what is said about it.
      if (shown !== undefined && shown !== masterKey) withheld.add(userId)
    }
    return withheld
  }

  /** Nobody is withheld in this room: its policy says all devices. */
  clear(roomId: RoomId): void {
    this.#withheld.delete(roomId)
  }

  /** Tells those who get no key that it is not by mistake (`m.room_key.withheld`), once about each session. A failure is logged: it is no more than a courtesy. */
  async tell(roomId: RoomId, { algorithm, session_id: sessionId }: JsonObject): Promise<void> {
    const known = this.#told.get(roomId)
    const told = known !== undefined && known.sessionId === sessionId ? known : { sessionId, users: new Set<UserId>() }
    this.#told.set(roomId, told)
    const open = [...(this.#withheld.get(roomId) ?? [])].filter((userId) => !told.users.has(userId))
    if (open.length === 0) return
    const content = {
      algorithm,
      room_id: roomId,
      session_id: sessionId,
      sender_key: this.#binding.identityKeys.curve25519,
      code: 'm.unverified',
      reason: 'Your identity has changed, and nobody has accepted the new one yet.',
    }
    const messages: Record<string, Record<string, unknown>> = {}
    for (const userId of open) {
      const devices = await this.#calls.run('getUserDevices', () => this.#binding.devicesOf(userId))
      messages[userId] = Object.fromEntries(devices.map(({ deviceId }) => [deviceId, content]))
    }
    const sent = await this.#http.sendToDevice('m.room_key.withheld', randomUUID(), { messages })
    if (sent.ok) for (const userId of open) told.users.add(userId)
    else this.#logger.warn({ roomId, code: sent.code }, 'people whose identity has changed could not be told that they get no key')
  }
}
