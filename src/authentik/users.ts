import { z } from 'zod'
import type { Json, JsonObject } from '../types.ts'
import type { Caller, Page } from './call.ts'
import { type AuthentikResult, done } from './errors.ts'
import { publicFlowLink } from './links.ts'
import { deletedSchema, linkSchema, meSchema, type Me, type User, userSchema, versionSchema } from './schemas.ts'
import { folded, matchesWords, searchWords } from './text.ts'

/** What a new account is made of. Groups come by `addToGroup`, so that no call can slip somebody into an admin group. */
export interface NewUser {
  readonly username: string
  /** May be empty. */
  readonly name: string
  readonly email?: string
  /** Folder in Authentik, without leading or trailing slash. */
  readonly path?: string
  readonly attributes?: JsonObject
}

/** What may be changed of an account; `attributes` have {@link UserCalls.mergeAttributes}. */
export interface UserChange {
  readonly username?: string
  readonly name?: string
  readonly email?: string
  readonly path?: string
}

/** What is known under a username. Usernames are unique only in the same letter case: `Ada` and `ada` may both exist. */
export interface UsernameMatch {
  readonly exact: User | undefined
  /** Others whose name differs in letter case only. */
  readonly similar: readonly User[]
}

/** Calls about accounts. A result's `changed` tells whether a failed change may have happened all the same. */
export interface UserCalls {
  /** The account of the token: the best probe of URL and token. */
  me(): Promise<AuthentikResult<Me>>
  /** The server's version, such as `2026.5.0`. */
  version(): Promise<AuthentikResult<string>>
  /**
   * Looks a username up: one request if exactly it exists, two if not.
   * @param username an empty one finds nobody (Authentik would return everybody)
   */
  findUserByUsername(username: string): Promise<AuthentikResult<UsernameMatch>>
  /** Accounts with this address, whatever its letter case. Addresses are not unique in Authentik. */
  findUsersByEmail(email: string): Promise<AuthentikResult<readonly User[]>>
  /** Accounts whose username, name or e-mail holds every word, at most 100. */
  searchUsers(text: string): Promise<AuthentikResult<readonly User[]>>
  /** All accounts, page by page of 100 and without doubles; a failure comes last. `count` is the server's own total. */
  userPages(signal?: AbortSignal): AsyncGenerator<AuthentikResult<Page<User>>>
  /** All accounts at once. Fails as a whole if a page fails. */
  listAllUsers(signal?: AbortSignal): Promise<AuthentikResult<readonly User[]>>
  getUser(pk: number): Promise<AuthentikResult<User>>
  /**
   * Makes an account without a password. Not idempotent: after `changed: 'maybe'` look it up by username.
   * A username in use gives `conflict`.
   */
  createUser(user: NewUser): Promise<AuthentikResult<User>>
  patchUser(pk: number, change: UserChange): Promise<AuthentikResult<User>>
  /**
   * Sets and removes single attributes. The API replaces them as a whole, so this reads, merges, writes and reads back; calls for one
   * user run one after another. No request changes anything if all is as wished.
   */
  mergeAttributes(pk: number, set: JsonObject, remove?: readonly string[]): Promise<AuthentikResult<User>>
  /** Switching off ends the sessions and tokens of the account. */
  setActive(pk: number, active: boolean): Promise<AuthentikResult<User>>
  /**
   * A link to choose a new password. It is a credential: send it by DM only, never log it. A second call gives the same link until it was used.
   * @param lifetimeMs asked for; the server's default (30 minutes) without it
   */
  recoveryLink(pk: number, lifetimeMs?: number): Promise<AuthentikResult<string>>
  /**
   * Lets Authentik e-mail a recovery link to the account's address (2026.2 or newer; older ones refuse it as invalid).
   * @param stage UUID of the e-mail stage
   * @param lifetimeMs as for `recoveryLink`
   */
  recoveryEmail(pk: number, stage: string, lifetimeMs?: number): Promise<AuthentikResult<undefined>>
  /**
   * Sets a password. No password policy is applied by Authentik.
   * @param password without white space around it: Authentik cuts it off, and the padded password would be wrong
   */
  setPassword(pk: number, password: string): Promise<AuthentikResult<undefined>>
  /** Signs the account out everywhere. */
  endSessions(pk: number): Promise<AuthentikResult<undefined>>
}

/** A malformed duration crashes the server; whole minutes cannot be malformed. */
const duration = (lifetimeMs: number | undefined): JsonObject =>
  lifetimeMs === undefined ? {} : { token_duration: `minutes=${Math.max(1, Math.ceil(lifetimeMs / 60_000))}` }

const slim = { include_groups: false, include_roles: false } as const

const same = (left: Json | undefined, right: Json | undefined): boolean => {
  if (left === right) return true
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false
  if (Array.isArray(left) !== Array.isArray(right)) return false
  const keys = Object.keys(left)
  if (keys.length !== Object.keys(right).length) return false
  return keys.every((key) => Object.hasOwn(right, key) && same((left as JsonObject)[key], (right as JsonObject)[key]))
}

/** Builds the calls about accounts. */
export const userCalls = (caller: Caller, publicUrl: string, apiUrl: string): UserCalls => {
  const writing = new Map<number, Promise<unknown>>()
  const detail = (pk: number): `/${string}/` => `/core/users/${pk}/`

  const getUser: UserCalls['getUser'] = (pk) => caller.ask({ method: 'GET', path: detail(pk), route: 'core/users/get' }, userSchema)

  const search = async (text: string, keep: (user: User) => boolean): Promise<AuthentikResult<readonly User[]>> => {
    const found = await caller.list(
      { path: '/core/users/', route: 'core/users/search', query: { search: text, ordering: 'username', ...slim } },
      userSchema,
      (user) => user.pk,
    )
    return found.ok ? done(found.value.filter(keep)) : found
  }

  const findExact = async (username: string): Promise<AuthentikResult<User | undefined>> => {
    const found = await caller.ask(
      { method: 'GET', path: '/core/users/', route: 'core/users/by-username', query: { username, ...slim } },
      z.object({ results: z.array(userSchema) }),
    )
    return found.ok ? done(found.value.results.find((user) => user.username === username)) : found
  }

  const change = async (pk: number, body: Readonly<Record<string, Json | undefined>>): Promise<AuthentikResult<User>> => {
    const result = await caller.ask({ method: 'PATCH', path: detail(pk), route: 'core/users/patch', body, repeatable: true }, userSchema)
    const username = body['username']
    return typeof username === 'string' ? usernameConflict(result, username) : result
  }

  /** Authentik gives no code for "taken" and its words may change: look whether the name is there. */
  const usernameConflict = async (result: AuthentikResult<User>, username: string): Promise<AuthentikResult<User>> => {
    if (result.ok || result.code !== 'invalid' || !Object.hasOwn(result.fields, 'username')) return result
    const taken = await findExact(username)
    if (!taken.ok || taken.value === undefined) return result
    return { ok: false, code: 'conflict', changed: result.changed, fields: result.fields, text: `the username ${username} is taken` }
  }

  const merge = async (pk: number, set: JsonObject, remove: readonly string[]): Promise<AuthentikResult<User>> => {
    const fits = (attributes: JsonObject): boolean =>
      Object.keys(set).every((key) => Object.hasOwn(attributes, key) && same(attributes[key], set[key])) &&
      remove.every((key) => !Object.hasOwn(attributes, key))
    let current = await getUser(pk)
    // Twice, because somebody else may write between our reading and writing.
    for (let round = 0; round < 2; round += 1) {
      if (!current.ok || fits(current.value.attributes)) return current
      const attributes = Object.fromEntries(
        Object.entries({ ...current.value.attributes, ...set }).filter(([key]) => !remove.includes(key)),
      )
      const written = await change(pk, { attributes })
      if (!written.ok) return written
      current = await getUser(pk)
      if (!current.ok) return { ...current, changed: 'maybe' }
    }
    if (!current.ok || fits(current.value.attributes)) return current
    return {
      ok: false,
      code: 'conflict',
      changed: 'maybe',
      fields: { attributes: ['changed by somebody else at the same time'] },
      text: 'somebody else changes the attributes of this account at the same time',
    }
  }

  const userPages: UserCalls['userPages'] = async function* (signal) {
    const seen = new Set<number>()
    const call = {
      path: '/core/users/',
      route: 'core/users/list',
      query: { ordering: 'username', ...slim },
      patience: 'long',
      signal,
    } as const
    for await (const page of caller.pages(call, userSchema)) {
      if (!page.ok) {
        yield page
        return
      }
      const items = page.value.items.filter((user) => !seen.has(user.pk))
      for (const user of items) seen.add(user.pk)
      yield done({ items, count: page.value.count })
    }
  }

  return {
    getUser,
    userPages,
    me: async () => {
      const result = await caller.ask({ method: 'GET', path: '/core/users/me/', route: 'core/users/me' }, meSchema)
      return result.ok ? done(result.value.user) : result
    },
    version: async () => {
      const result = await caller.ask({ method: 'GET', path: '/admin/version/', route: 'admin/version' }, versionSchema)
      return result.ok ? done(result.value.version_current) : result
    },
    findUserByUsername: async (username) => {
      if (username.trim() === '' || username.includes('\0')) return done({ exact: undefined, similar: [] })
      const exact = await findExact(username)
      if (!exact.ok) return exact
      if (exact.value !== undefined) return done({ exact: exact.value, similar: [] })
      const words = searchWords(username)
      if (words.length === 0) return done({ exact: undefined, similar: [] })
      const similar = await search(words.join(' '), (user) => folded(user.username) === folded(username))
      return similar.ok ? done({ exact: undefined, similar: similar.value }) : similar
    },
    findUsersByEmail: async (email) => {
      const words = searchWords(email)
      if (words.length === 0) return done([])
      return search(words.join(' '), (user) => folded(user.email) === folded(email.trim()))
    },
    searchUsers: async (text) => {
      const words = searchWords(text)
      if (words.length === 0) return done([])
      const found = await search(words.join(' '), (user) => matchesWords(words, [user.username, user.name, user.email]))
      return found.ok ? done(found.value.slice(0, 100)) : found
    },
    listAllUsers: async (signal) => {
      const users: User[] = []
      for await (const page of userPages(signal)) {
        if (!page.ok) return page
        users.push(...page.value.items)
      }
      return done(users)
    },
    createUser: async (user) => {
      const body = { username: user.username, name: user.name, email: user.email, path: user.path, attributes: user.attributes }
      const result = await caller.ask({ method: 'POST', path: '/core/users/', route: 'core/users/create', body }, userSchema)
      return usernameConflict(result, user.username)
    },
    patchUser: (pk, { username, name, email, path }) => change(pk, { username, name, email, path }),
    mergeAttributes: async (pk, set, remove = []) => {
      const before = writing.get(pk) ?? Promise.resolve()
      const mine = before.then(() => merge(pk, set, remove))
      writing.set(pk, mine)
      try {
        return await mine
      } finally {
        if (writing.get(pk) === mine) writing.delete(pk)
      }
    },
    setActive: (pk, active) => change(pk, { is_active: active }),
    recoveryLink: async (pk, lifetimeMs) => {
      const body = duration(lifetimeMs)
      const result = await caller.ask(
        { method: 'POST', path: `/core/users/${pk}/recovery/`, route: 'core/users/recovery', body, repeatable: true },
        linkSchema,
      )
      if (!result.ok) return result
      const link = publicFlowLink(result.value.link, publicUrl, apiUrl)
      return link.ok ? done(link.link) : { ok: false, code: 'foreign-link', changed: 'maybe', text: link.text }
    },
    recoveryEmail: (pk, stage, lifetimeMs) =>
      caller.tell({
        method: 'POST',
        path: `/core/users/${pk}/recovery_email/`,
        route: 'core/users/recovery-email',
        body: { email_stage: stage, ...duration(lifetimeMs) },
        // A second e-mail is worse than none: another way is there.
        repeatable: false,
      }),
    setPassword: async (pk, password) => {
      if (password === '' || password !== password.trim()) throw new TypeError('a password must not be empty or have white space around it')
      return caller.tell({
        method: 'POST',
        path: `/core/users/${pk}/set_password/`,
        route: 'core/users/set-password',
        body: { password },
        repeatable: true,
      })
    },
    endSessions: async (pk) => {
      const result = await caller.ask(
        {
          method: 'DELETE',
          path: '/core/authenticated_sessions/bulk_delete/',
          route: 'core/authenticated-sessions/bulk-delete',
          query: { user_pks: pk },
          repeatable: true,
        },
        deletedSchema,
      )
      // The number counts rows of the database, not sessions, and says nothing to people.
      return result.ok ? done(undefined) : result
    },
  }
}
