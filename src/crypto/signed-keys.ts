import { createPublicKey, verify } from 'node:crypto'
import { z } from 'zod'
import type { DeviceId, UserId } from '../types.ts'
import { canonicalJson } from './canonical-json.ts'

const signed = z.looseObject({
  user_id: z.string(),
  keys: z.record(z.string(), z.string()),
  signatures: z.record(z.string(), z.record(z.string(), z.string())).optional(),
})
const crossSigningKey = signed.extend({ usage: z.array(z.string()) })
const deviceKeys = signed.extend({
  device_id: z.string(),
  unsigned: z
    .looseObject({ device_display_name: z.string().optional().catch(undefined) })
    .optional()
    .catch(undefined),
})

/** A person's cross-signing identity: the public keys that matter for us. */
export interface PublicIdentity {
  readonly masterKey: string
  readonly selfSigningKey: string
}

/** A device whose keys fit together. */
export interface PublicDevice {
  readonly deviceId: DeviceId
  readonly ed25519: string
  readonly curve25519: string
  readonly name: string | undefined
  readonly signed: boolean
}

/**
 * Has a key signed this object?
 * @param object with `signatures`; these and `unsigned` are no part of what is signed
 * @param key Ed25519, unpadded base64
 */
const isSignedBy = (object: z.infer<typeof signed>, keyId: string, key: string): boolean => {
  const signature = object.signatures?.[object.user_id]?.[keyId]
  if (signature === undefined) return false
  const { signatures: _signatures, unsigned: _unsigned, ...content } = object
  try {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(key, 'base64').toString('base64url') }
    return verify(null, Buffer.from(canonicalJson(content)), createPublicKey({ key: jwk, format: 'jwk' }), Buffer.from(signature, 'base64'))
  } catch {
    // The key is none.
    return false
  }
}

const onlyKey = (object: z.infer<typeof crossSigningKey>, userId: UserId, usage: string): string | undefined => {
  const keys = Object.entries(object.keys)
  const [name, key] = keys[0] ?? []
  return keys.length === 1 && object.user_id === userId && object.usage.includes(usage) && name === `ed25519:${key ?? ''}` ? key : undefined
}

/** The identity in an answer of `/keys/query`, if its self-signing key is signed by its master key. */
export const identityIn = (userId: UserId, master: unknown, selfSigning: unknown): PublicIdentity | undefined => {
  const [top, below] = [crossSigningKey.safeParse(master), crossSigningKey.safeParse(selfSigning)]
  if (!top.success || !below.success) return undefined
  const masterKey = onlyKey(top.data, userId, 'master')
  const selfSigningKey = onlyKey(below.data, userId, 'self_signing')
  if (masterKey === undefined || selfSigningKey === undefined || masterKey === selfSigningKey) return undefined
  return isSignedBy(below.data, `ed25519:${masterKey}`, masterKey) ? { masterKey, selfSigningKey } : undefined
}

/** A device in an answer of `/keys/query`, if it has signed its own keys. */
export const deviceIn = (
  userId: UserId,
  deviceId: string,
  keys: unknown,
  identity: PublicIdentity | undefined,
): PublicDevice | undefined => {
  const parsed = deviceKeys.safeParse(keys)
  if (!parsed.success || parsed.data.user_id !== userId || parsed.data.device_id !== deviceId) return undefined
  const { data } = parsed
  const ed25519 = data.keys[`ed25519:${deviceId}`]
  const curve25519 = data.keys[`curve25519:${deviceId}`]
  if (ed25519 === undefined || curve25519 === undefined || !isSignedBy(data, `ed25519:${deviceId}`, ed25519)) return undefined
  return {
    deviceId: deviceId as DeviceId,
    ed25519,
    curve25519,
    name: data.unsigned?.device_display_name,
    signed: identity !== undefined && isSignedBy(data, `ed25519:${identity.selfSigningKey}`, identity.selfSigningKey),
  }
}
