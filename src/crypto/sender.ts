import type { DeviceId, UserId } from '../types.ts'
import type { DecryptedFacts, DeviceFacts, EngineBinding } from './engine-binding.ts'
import type { Decrypted } from './port.ts'

/** What is known of the sender of a decrypted event. */
export type Sender = Pick<Decrypted, 'trust' | 'deviceId' | 'deviceName' | 'identityKey'>

/** The user that speaks for a bridged person, by configuration. */
export type BridgeBotOf = (userId: UserId) => UserId | undefined

/** Where devices and identities are looked up. */
type People = Pick<EngineBinding, 'deviceOf' | 'devicesOf' | 'masterKeyOf' | 'peopleVersion'>

/** A device as it stands now, and the identity of its owner. */
interface Standing {
  readonly device: DeviceFacts | undefined
  /** undefined = there is none, it has not signed the device, or it changed while it was looked at. */
  readonly identityKey: string | undefined
}

/** Those who speak in the few rooms that are read, with their devices; beyond that the memory begins anew. */
const mostRemembered = 2000

/**
 * Which device an event came from, and whether that device is signed *now*. The engine remembers with a session how its sender stood when the session
 * came: a device that was signed out since, or an identity that was replaced, would count for as long as the session lives.
 *
 * To say so the engine reads, decrypts and verifies half a dozen rows, for every message again. Its answer is remembered exactly as long as nothing
 * has begun to write to rows of that kind, whoever they are about.
 */
export class Senders {
  readonly #people: People
  readonly #bridgeBotOf: BridgeBotOf
  readonly #remembered = new Map<string, Standing>()
  /** When what is remembered was true. */
  #version: number | undefined

  constructor(people: People, bridgeBotOf: BridgeBotOf) {
    this.#people = people
    this.#bridgeBotOf = bridgeBotOf
  }

  async of(decrypted: DecryptedFacts): Promise<Sender> {
    const { trust, deviceId, sender: userId } = decrypted
    if (trust === 'mismatched-sender') return this.#bridge(decrypted)
    if (deviceId === undefined) return { trust: trust === 'signed' ? 'unknown-device' : trust, deviceId }
    const { device, identityKey } = await this.#look(userId, deviceId)
    if (trust !== 'signed') return { trust, deviceId, deviceName: device?.name }
    if (device === undefined || device.senderKey !== decrypted.senderKey) return { trust: 'unknown-device', deviceId }
    if (!device.signed) return { trust: 'unsigned', deviceId, deviceName: device.name }
    if (identityKey === undefined) return { trust: 'not-guaranteed', deviceId, deviceName: device.name }
    return { trust, deviceId, deviceName: device.name, identityKey }
  }

  async #look(userId: UserId, deviceId: DeviceId): Promise<Standing> {
    const version = this.#people.peopleVersion?.()
    if (version === undefined) return this.#ask(userId, deviceId)
    if (version !== this.#version || this.#remembered.size >= mostRemembered) this.#remembered.clear()
    this.#version = version
    const name = JSON.stringify([userId, deviceId])
    const remembered = this.#remembered.get(name)
    if (remembered !== undefined) return remembered
    const found = await this.#ask(userId, deviceId)
    // What was written while the engine was asked may be in the answer or not.
    if (this.#people.peopleVersion?.() === version && this.#version === version) this.#remembered.set(name, found)
    return found
  }

  async #ask(userId: UserId, deviceId: DeviceId): Promise<Standing> {
    // A server may change an identity at any moment: the device counts under the one that stood there before and after it was looked at.
    const before = await this.#people.masterKeyOf(userId)
    const device = await this.#people.deviceOf(userId, deviceId)
    const after = device?.signed === true ? await this.#people.masterKeyOf(userId) : undefined
    return { device, identityKey: after === before ? after : undefined }
  }

  /** A bridge encrypts for its ghosts with the device of its own bot. Anybody else's device is a forgery. */
  async #bridge(decrypted: DecryptedFacts): Promise<Sender> {
    const bot = this.#bridgeBotOf(decrypted.sender)
    const devices = bot === undefined ? [] : await this.#people.devicesOf(bot)
    const device = devices.find(({ senderKey }) => senderKey === decrypted.senderKey)
    if (device === undefined) return { trust: 'mismatched-sender', deviceId: undefined }
    return { trust: 'bridge', deviceId: device.deviceId, deviceName: device.name }
  }
}
