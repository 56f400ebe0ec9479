import { createHash, randomInt } from 'node:crypto'
import { z } from 'zod'
import type { Sealed } from '../database/sealed.ts'
import type { Timestamp } from '../types.ts'

const schema = z.object({
  userId: z.string(),
  deviceId: z.string(),
  accessToken: z.string(),
  refreshToken: z.string().optional(),
  expiresAt: z.number().optional(),
  /** From when on the token is renewed. */
  renewAt: z.number().optional(),
  /** Where an OAuth session is renewed and ended. Absent = a session of `POST /login`. */
  oauth: z.object({ clientId: z.string(), tokenEndpoint: z.string(), revocationEndpoint: z.string().optional() }).optional(),
  /** Fingerprint of the configured access token that this session was made from. */
  configured: z.string().optional(),
})

/** The bot's session as it is kept, sealed, in the data directory. */
export type StoredSession = z.infer<typeof schema>

const entry = 'session'
const deviceEntry = 'session.device'

/** The stored session, if there is one. */
export const readSession = (sealed: Sealed): StoredSession | undefined => {
  const raw = sealed.get(entry)
  return raw === undefined ? undefined : schema.parse(JSON.parse(raw))
}

/** Stores the session; on disk when it returns. */
export const writeSession = (sealed: Sealed, session: StoredSession, now: Timestamp): void => {
  sealed.set(entry, JSON.stringify(session), now)
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

/**
 * The device to log in as: the stored session's, else the one of a login that was begun, else a new one, which is stored before it is used. So a
 * crash after the server's answer logs in again as the same device instead of leaving two.
 */
export const deviceToLogIn = (sealed: Sealed, now: Timestamp): string => {
  const known = readSession(sealed)?.deviceId ?? sealed.get(deviceEntry)
  if (known !== undefined) return known
  const made = `GATEHOUSE${Array.from({ length: 10 }, () => letters[randomInt(letters.length)]).join('')}`
  sealed.set(deviceEntry, made, now)
  return made
}

/** Tells two access tokens apart without keeping them. */
export const fingerprint = (token: string): string => createHash('sha256').update(token).digest('base64url')

/** A token pair as a server gives it. */
export interface TokenPair {
  readonly accessToken: string
  readonly refreshToken?: string | undefined
  readonly expiresInMs?: number | undefined
}

/** Renew at most this long before the token ends: longer than a request's time-out would waste tokens, shorter risks a refusal. */
const renewBeforeMs = 45_000

/** The session with a new pair. A server that gives no new refresh token lets the old one live (spec: `POST /refresh`; RFC 6749 section 6). */
export const withPair = (before: Omit<StoredSession, 'accessToken'>, pair: TokenPair, now: Timestamp): StoredSession => {
  const { userId, deviceId, oauth, configured } = before
  const refreshToken = pair.refreshToken ?? before.refreshToken
  return {
    userId,
    deviceId,
    accessToken: pair.accessToken,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(oauth === undefined ? {} : { oauth }),
    ...(configured === undefined ? {} : { configured }),
    ...(pair.expiresInMs === undefined
      ? {}
      : // A short token is renewed at half its life.
        { expiresAt: now + pair.expiresInMs, renewAt: now + pair.expiresInMs - Math.min(renewBeforeMs, pair.expiresInMs / 2) }),
  }
}
