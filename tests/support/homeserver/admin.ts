import { createHmac, randomBytes } from 'node:crypto'
import { openServerDatabase, type ServerDatabase } from './database.ts'
import { rest, type Json, type Request } from './rest.ts'
import type { HomeserverCoordinates } from './synapse.ts'

export type { EventFilter, ServerDatabase, StoredEvent } from './database.ts'
export { HomeserverAnswerError, rest, type Json, type Request } from './rest.ts'

export interface NewUser {
  /** Default: `name` and random letters, so that tests sharing a server never meet. */
  readonly localpart?: string
  /** Begins a random localpart. Default `user`. */
  readonly name?: string
  readonly password?: string
  readonly displayName?: string
  /** A server admin. */
  readonly admin?: boolean
  /** The server's rate limits do not hold for this user. Default true: a test's people must not be slowed down, only the bot. */
  readonly exempt?: boolean
}

export interface User {
  readonly userId: string
  readonly localpart: string
  readonly password: string
  /**
   * Acts as the user without a device, for preparations that need no encryption. The admin made it, so it never expires and no rate limit holds for it: a
   * client under test logs in on its own.
   */
  readonly accessToken: string
}

export interface Login {
  readonly userId: string
  readonly accessToken: string
  readonly deviceId: string
  readonly refreshToken?: string
  readonly expiresInMs?: number
}

export interface RoomOptions {
  readonly name?: string
  readonly topic?: string
  readonly alias?: string
  readonly encrypted?: boolean
  readonly public?: boolean
  readonly joinRule?: 'public' | 'invite' | 'knock'
  readonly space?: boolean
  readonly invite?: readonly string[]
  /** Power levels of people, for example `{ [bot]: 50 }`. */
  readonly power?: Readonly<Record<string, number>>
  /** Default: the server's own (12 in Synapse 1.163). */
  readonly version?: string
}

/** What a test needs to prepare a homeserver and to look at what happened there. */
export interface Admin {
  readonly homeserver: HomeserverCoordinates
  /** The server's database, read-only. */
  readonly database: ServerDatabase
  /** Requests as the server's admin. */
  readonly request: Request
  readonly accessToken: string
  registerUser(user?: NewUser): Promise<User>
  /** Switches the server's rate limits off (or on again) for a user. */
  exempt(userId: string, exempt?: boolean): Promise<void>
  /** Logs in from an address of its own. With `refresh` the answer has a refresh token where the server gives one. */
  login(localpart: string, password: string, options?: { readonly deviceId?: string; readonly refresh?: boolean }): Promise<Login>
  createRoom(creator: Pick<User, 'accessToken' | 'userId'>, options?: RoomOptions): Promise<string>
  join(user: Pick<User, 'accessToken'>, roomIdOrAlias: string): Promise<void>
  /** Requests as that user, past any proxy. */
  as(user: Pick<User, 'accessToken'>): Request
  close(): void
}

/**
 * Makes an admin account on a test server.
 * @param homeserver as `startSynapse` or the global set-up gives it
 */
export const openAdmin = async (homeserver: HomeserverCoordinates): Promise<Admin> => {
  const self = await register(homeserver, { name: 'admin', admin: true })
  const request = rest(homeserver.url, self.accessToken)
  const exempt = async (userId: string, off = true): Promise<void> => {
    const path = `/_synapse/admin/v1/users/${encodeURIComponent(userId)}/override_ratelimit`
    await (off ? request('POST', path, { messages_per_second: 0, burst_count: 0 }) : request('DELETE', path, {}))
  }
  await exempt(self.userId)

  const database = openServerDatabase(homeserver.databaseFile)
  return {
    homeserver,
    database,
    request,
    accessToken: self.accessToken,
    exempt,
    registerUser: async (user = {}) => {
      const made = await register(homeserver, user, true)
      if (user.exempt !== false) await exempt(made.userId)
      const { access_token } = await request('POST', `/_synapse/admin/v1/users/${encodeURIComponent(made.userId)}/login`, {})
      return { ...made, accessToken: String(access_token) }
    },
    login: async (localpart, password, options = {}) => await logIn(homeserver.url, localpart, password, options),
    createRoom: async (creator, options = {}) => {
      const { room_id } = await rest(homeserver.url, creator.accessToken)(
        'POST',
        '/_matrix/client/v3/createRoom',
        creation(creator.userId, options),
      )
      return String(room_id)
    },
    join: async (user, roomIdOrAlias) => {
      await rest(homeserver.url, user.accessToken)('POST', `/_matrix/client/v3/join/${encodeURIComponent(roomIdOrAlias)}`, {})
    },
    as: (user) => rest(homeserver.url, user.accessToken),
    close: () => database.close(),
  }
}

/**
 * Logs in with a password.
 * @param options.refresh asks for a refresh token (Matrix v1.3)
 */
export const logIn = async (
  baseUrl: string,
  localpart: string,
  password: string,
  options: { readonly deviceId?: string; readonly refresh?: boolean } = {},
): Promise<Login> => {
  const answer = await rest(baseUrl)('POST', '/_matrix/client/v3/login', {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: localpart },
    password,
    ...(options.deviceId === undefined ? {} : { device_id: options.deviceId }),
    ...(options.refresh === true ? { refresh_token: true } : {}),
  })
  return {
    userId: String(answer.user_id),
    accessToken: String(answer.access_token),
    deviceId: String(answer.device_id),
    ...(typeof answer.refresh_token === 'string' ? { refreshToken: answer.refresh_token } : {}),
    ...(typeof answer.expires_in_ms === 'number' ? { expiresInMs: answer.expires_in_ms } : {}),
  }
}

/**
 * Registration with the server's shared secret (Synapse admin API, "register_api").
 * @param withoutDevice makes no device and so gives no token; a person then has exactly the devices that its clients make
 */
const register = async (homeserver: HomeserverCoordinates, user: NewUser, withoutDevice = false): Promise<User> => {
  const request = rest(homeserver.url)
  const localpart = user.localpart ?? `${user.name ?? 'user'}-${randomBytes(4).toString('hex')}`
  const password = user.password ?? randomBytes(12).toString('base64url')
  const { nonce } = await request('GET', '/_synapse/admin/v1/register')
  const signed = [nonce, localpart, password, user.admin === true ? 'admin' : 'notadmin'].join('\0')
  const answer = await request('POST', '/_synapse/admin/v1/register', {
    nonce,
    username: localpart,
    password,
    displayname: user.displayName ?? localpart,
    admin: user.admin === true,
    inhibit_login: withoutDevice,
    mac: createHmac('sha1', homeserver.sharedSecret).update(signed).digest('hex'),
  })
  return {
    userId: String(answer.user_id),
    localpart,
    password,
    accessToken: typeof answer.access_token === 'string' ? answer.access_token : '',
  }
}

const creation = (creator: string, options: RoomOptions): Json => {
  // From version 12 on the creator stands above all levels and must not be listed; before, the list we give replaces the creator's own entry.
  const creatorPower = options.version !== undefined && Number(options.version) < 12 ? { [creator]: 100 } : {}
  const state = [
    ...(options.encrypted === true ? [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }] : []),
    ...(options.joinRule === undefined ? [] : [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: options.joinRule } }]),
  ]
  return {
    preset: options.public === true ? 'public_chat' : 'private_chat',
    visibility: options.public === true ? 'public' : 'private',
    initial_state: state,
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.topic === undefined ? {} : { topic: options.topic }),
    ...(options.alias === undefined ? {} : { room_alias_name: options.alias }),
    ...(options.invite === undefined ? {} : { invite: options.invite }),
    ...(options.version === undefined ? {} : { room_version: options.version }),
    ...(options.power === undefined ? {} : { power_level_content_override: { users: { ...creatorPower, ...options.power } } }),
    ...(options.space === true ? { creation_content: { type: 'm.space' } } : {}),
  }
}
