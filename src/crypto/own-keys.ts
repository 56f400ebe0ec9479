import { z } from 'zod'

/** The public keys of this bot, as its own store has them. */
export interface OwnKeys {
  readonly userId: string
  readonly deviceId: string
  readonly ed25519: string
  readonly curve25519: string
  /** Of the identity that signed this device; undefined before there is one. */
  readonly masterKey: string | undefined
}

/** What is wrong with the bot's keys on the server. */
export interface OwnKeysProblem {
  readonly code: 'device-missing' | 'device-keys-differ' | 'identity-missing' | 'identity-replaced'
  /** For the log, `!status` and the terminal, with what would help. */
  readonly words: string
}

const keys = z.object({ keys: z.record(z.string(), z.string()) })
const answer = z.object({
  device_keys: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
  master_keys: z.record(z.string(), z.unknown()).optional(),
})

const own = (record: Readonly<Record<string, unknown>> | undefined, name: string): unknown =>
  record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined

/** Does an answer of `/keys/query` say anything about this user? */
export const concerns = (body: unknown, userId: string): boolean => {
  const parsed = answer.safeParse(body)
  return parsed.success && (own(parsed.data.device_keys, userId) !== undefined || own(parsed.data.master_keys, userId) !== undefined)
}

/** The public master key of a user in an answer of `/keys/query`. */
export const masterKeyIn = (body: unknown, userId: string): string | undefined => {
  const parsed = answer.safeParse(body)
  const found = keys.safeParse(parsed.success ? own(parsed.data.master_keys, userId) : undefined)
  return found.success ? Object.values(found.data.keys)[0] : undefined
}

/**
 * Compares an answer of `/keys/query` with the bot's own keys. Everybody who writes to the bot encrypts for what the server shows: other keys there
 * mean that somebody else reads along, or that this store is an old copy.
 */
export const ownKeysProblem = (body: unknown, mine: OwnKeys): OwnKeysProblem | undefined => {
  const parsed = answer.safeParse(body)
  const devices = parsed.success ? (own(parsed.data.device_keys, mine.userId) as Readonly<Record<string, unknown>> | undefined) : undefined
  const device = keys.safeParse(own(devices, mine.deviceId))
  if (!device.success) {
    return {
      code: 'device-missing',
      words: `the homeserver does not show the keys of this device (${mine.deviceId}): it was signed out. Run \`gatehouse reset-crypto\`, then start with the recovery key`,
    }
  }
  const shown = device.data.keys
  if (own(shown, `ed25519:${mine.deviceId}`) !== mine.ed25519 || own(shown, `curve25519:${mine.deviceId}`) !== mine.curve25519) {
    return {
      code: 'device-keys-differ',
      words:
        `the homeserver shows other keys for this device (${mine.deviceId}) than it has: somebody put them there to read along, or this data directory is an old copy. ` +
        'Ask who runs the homeserver; then `gatehouse reset-crypto` makes a new device',
    }
  }
  const master = masterKeyIn(body, mine.userId)
  if (mine.masterKey === undefined || master === mine.masterKey) return undefined
  return master === undefined
    ? { code: 'identity-missing', words: "the homeserver does not show the bot's identity any more. Ask who runs it" }
    : {
        code: 'identity-replaced',
        words:
          "the homeserver shows another identity for the bot than the one that this data directory holds: somebody reset it with the bot's password, or the homeserver did. " +
          'Change the password, then `gatehouse crypto bootstrap --replace-identity` makes a new one; people who had verified the bot have to verify it again',
      }
}
