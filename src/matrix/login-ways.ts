import { deviceGrantLogin } from './device-grant.ts'
import type { DeviceGrantOptions } from './device-grant.ts'
import { passwordLogin, takesPasswords, tokenLogin } from './login.ts'
import type { LoginResult } from './login.ts'
import { findEndpoints } from './oauth-endpoints.ts'
import type { SessionFailure } from './session-failure.ts'

/** The ways to log in. */
export type LoginWay = 'password' | 'token' | 'oauth'

export interface LoginWaysOptions extends DeviceGrantOptions {
  readonly password?: string
  readonly accessToken?: string
  /** Asks the operator for a secret that the configuration does not hold. */
  readonly readSecret: (
    what: string,
  ) => Promise<{ readonly ok: true; readonly secret: string } | { readonly ok: false; readonly words: string }>
}

/**
 * Logs in as the given device, or as the token's.
 * @param way absent = what the configuration holds, else OAuth where the server has it, else a password
 */
export const logInBy = async (way: LoginWay | undefined, options: LoginWaysOptions, deviceId: string): Promise<LoginResult> => {
  const { gate, userId } = options
  const configured = options.accessToken === undefined ? (options.password === undefined ? undefined : 'password') : 'token'
  switch (way ?? configured) {
    case 'token': {
      const given = await secretOf(options, options.accessToken, `Access token of ${userId}`)
      return given.ok ? await tokenLogin(options, given.secret, 'the access token') : given
    }
    case 'password':
      return await byPassword(options, deviceId)
    case 'oauth': {
      const endpoints = await findEndpoints(gate)
      if (endpoints !== undefined) return 'ok' in endpoints ? endpoints : await deviceGrantLogin(options, endpoints, deviceId)
      return {
        ok: false,
        code: 'not-offered',
        words: 'this homeserver has no OAuth login with a code; use `gatehouse login --password` or `--token`',
      }
    }
    case undefined: {
      const endpoints = await findEndpoints(gate)
      if (endpoints !== undefined) return 'ok' in endpoints ? endpoints : await deviceGrantLogin(options, endpoints, deviceId)
      const passwords = await takesPasswords(gate)
      if (typeof passwords !== 'boolean') return passwords
      if (passwords) return await byPassword(options, deviceId)
      return {
        ok: false,
        code: 'not-offered',
        words:
          'this homeserver takes neither passwords nor OAuth logins with a code; make an access token there and use `gatehouse login --token`',
      }
    }
  }
}

const byPassword = async (options: LoginWaysOptions, deviceId: string): Promise<LoginResult> => {
  const given = await secretOf(options, options.password, `Password of ${options.userId}`)
  return given.ok ? await passwordLogin(options, given.secret, deviceId) : given
}

const secretOf = async (
  options: LoginWaysOptions,
  configured: string | undefined,
  what: string,
): Promise<{ readonly ok: true; readonly secret: string } | SessionFailure> => {
  if (configured !== undefined) return { ok: true, secret: configured }
  const read = await options.readSecret(what)
  if (!read.ok) return { ok: false, code: 'not-granted', words: read.words }
  options.onSecret(read.secret)
  return read
}
