import type { UserId } from '../types.ts'
import type { DecryptedFacts, EngineBinding } from './engine-binding.ts'
import type { Decrypted } from './port.ts'

/** What is known of the sender of a decrypted event. */
export type Sender = Pick<Decrypted, 'trust' | 'deviceId' | 'deviceName' | 'identityKey'>

/** The user that speaks for a bridged person, by configuration. */
export type BridgeBotOf = (userId: UserId) => UserId | undefined

/** Where devices and identities are looked up. */
type People = Pick<EngineBinding, 'deviceOf' | 'devicesOf' | 'masterKeyOf'>

/**
 * Which device an event came from, and whether that device is signed *now*. The engine remembers with a session how its sender stood when the session
 * came: a device that was signed out since, or an identity that was replaced, would count for as long as the session lives.
 */
export const senderOf = async (people: People, decrypted: DecryptedFacts, bridgeBotOf: BridgeBotOf): Promise<Sender> => {
  const { trust, deviceId, sender: userId } = decrypted
  if (trust === 'mismatched-sender') return bridgeSender(people, decrypted, bridgeBotOf)
  // A server may change an identity at any moment: the device counts under the one that stood there before and after it was looked at. Both wait a
  // moment where the person's keys are being asked for just now.
  const before = trust === 'signed' ? await people.masterKeyOf(userId) : undefined
  const device = deviceId === undefined ? undefined : await people.deviceOf(userId, deviceId)
  if (trust !== 'signed') return { trust, deviceId, deviceName: device?.name }
  if (device === undefined || device.senderKey !== decrypted.senderKey) return { trust: 'unknown-device', deviceId }
  if (!device.signed) return { trust: 'unsigned', deviceId, deviceName: device.name }
  const identityKey = await people.masterKeyOf(userId)
  if (identityKey === undefined || identityKey !== before) return { trust: 'not-guaranteed', deviceId, deviceName: device.name }
  return { trust, deviceId, deviceName: device.name, identityKey }
}

/** A bridge encrypts for its ghosts with the device of its own bot. Anybody else's device is a forgery. */
const bridgeSender = async (people: People, decrypted: DecryptedFacts, bridgeBotOf: BridgeBotOf): Promise<Sender> => {
  const bot = bridgeBotOf(decrypted.sender)
  const devices = bot === undefined ? [] : await people.devicesOf(bot)
  const device = devices.find(({ senderKey }) => senderKey === decrypted.senderKey)
  if (device === undefined) return { trust: 'mismatched-sender', deviceId: undefined }
  return { trust: 'bridge', deviceId: device.deviceId, deviceName: device.name }
}
