import { DeviceId as WasmDeviceId, ShieldStateCode, UserId as WasmUserId } from '@matrix-org/matrix-sdk-crypto-wasm'
import type { DecryptedRoomEvent, OlmMachine } from '@matrix-org/matrix-sdk-crypto-wasm'
import { z } from 'zod'
import type { DeviceId, UserId } from '../types.ts'
import type { Decrypted, SenderTrust } from './port.ts'

/** What is known of the sender of a decrypted event. */
export type Sender = Pick<Decrypted, 'trust' | 'deviceId' | 'deviceName' | 'identityKey'>

/** The user that speaks for a bridged person, by configuration. */
export type BridgeBotOf = (userId: UserId) => UserId | undefined

const publicKey = z.object({ keys: z.record(z.string(), z.string()) })

/** The public master key that the server shows for a person, as the engine knows it. */
export const identityKeyOf = async (machine: OlmMachine, userId: UserId): Promise<string | undefined> => {
  const identity = await machine.getIdentity(new WasmUserId(userId))
  const parsed = identity === undefined ? undefined : publicKey.safeParse(JSON.parse(identity.masterKey))
  return parsed?.success === true ? Object.values(parsed.data.keys)[0] : undefined
}

/**
 * Which device an event came from, and whether that device is signed *now*. The engine remembers with a session how its sender stood when the session
 * came: a device that was signed out since, or an identity that was replaced, would count for as long as the session lives.
 */
export const senderOf = async (machine: OlmMachine, decrypted: DecryptedRoomEvent, bridgeBotOf: BridgeBotOf): Promise<Sender> => {
  const trust = trustOf(decrypted)
  if (trust === 'mismatched-sender') return bridgeSender(machine, decrypted, bridgeBotOf)
  const deviceId = decrypted.senderDevice?.toString() as DeviceId | undefined
  const userId = decrypted.sender.toString() as UserId
  // A server may change an identity at any moment: the device counts under the one that stood there before and after it was looked at. Both wait a
  // moment where the person's keys are being asked for just now.
  const before = trust === 'signed' ? await identityKeyOf(machine, userId) : undefined
  const device = deviceId === undefined ? undefined : await machine.getDevice(new WasmUserId(userId), new WasmDeviceId(deviceId))
  if (trust !== 'signed') return { trust, deviceId, deviceName: device?.displayName }
  if (device === undefined || device.curve25519Key?.toBase64() !== decrypted.senderCurve25519Key)
    return { trust: 'unknown-device', deviceId }
  if (!device.isCrossSignedByOwner()) return { trust: 'unsigned', deviceId, deviceName: device.displayName }
  const identityKey = await identityKeyOf(machine, userId)
  if (identityKey === undefined || identityKey !== before) return { trust: 'not-guaranteed', deviceId, deviceName: device.displayName }
  return { trust, deviceId, deviceName: device.displayName, identityKey }
}

/** A bridge encrypts for its ghosts with the device of its own bot. Anybody else's device is a forgery. */
const bridgeSender = async (machine: OlmMachine, decrypted: DecryptedRoomEvent, bridgeBotOf: BridgeBotOf): Promise<Sender> => {
  const bot = bridgeBotOf(decrypted.sender.toString() as UserId)
  const devices = bot === undefined ? [] : (await machine.getUserDevices(new WasmUserId(bot))).devices()
  const device = devices.find(({ curve25519Key }) => curve25519Key?.toBase64() === decrypted.senderCurve25519Key)
  if (device === undefined) return { trust: 'mismatched-sender', deviceId: undefined }
  return { trust: 'bridge', deviceId: device.deviceId.toString() as DeviceId, deviceName: device.displayName }
}

const trustOf = (decrypted: DecryptedRoomEvent): SenderTrust => {
  // "Not strict": an identity that we have not verified ourselves is fine, as long as it signed the device. Whether it is still the one that we
  // know is not for the engine to say: see `PersonIdentities`.
  const { code } = decrypted.shieldState(false)
  const strict = decrypted.shieldState(true).code
  switch (code ?? strict) {
    case undefined:
    case ShieldStateCode.UnverifiedIdentity:
      return 'signed'
    case ShieldStateCode.UnsignedDevice:
      return 'unsigned'
    case ShieldStateCode.UnknownDevice:
      return 'unknown-device'
    case ShieldStateCode.MismatchedSender:
      return 'mismatched-sender'
    case ShieldStateCode.VerificationViolation:
      return 'identity-changed'
    case ShieldStateCode.AuthenticityNotGuaranteed:
      return 'not-guaranteed'
  }
}
