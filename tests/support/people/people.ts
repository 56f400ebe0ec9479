import { logIn } from '../homeserver/admin.ts'
import { HostProcess } from './host-process.ts'
import { Person } from './person.ts'

export type { TextOptions } from './content.ts'
export type { MessageMatch, Person, SendOptions } from './person.ts'
export type { SeenMembership, SeenMessage, SeenReaction } from './view.ts'

export interface JoinOptions {
  /** An account of the server; localpart and password are enough. */
  readonly user: { readonly localpart: string; readonly password: string }
  /** Does not encrypt for, nor read from, devices that their owner has not signed. Default false. */
  readonly strict?: boolean
  /**
   * Makes a cross-signing identity and signs this device with it. Default true. Use false for a newcomer who has set up nothing, and for any
   * device after a person's first: that one stays unsigned, since a second identity would replace the first.
   */
  readonly crossSign?: boolean
  readonly deviceId?: string
}

/** People with real clients on one homeserver. */
export interface People {
  /** Logs the person in on a new device; resolves after the first sync. */
  join(options: JoinOptions): Promise<Person>
  /** Ends all clients. */
  stop(): Promise<void>
}

/**
 * Starts the process in which the clients run.
 * @param homeserver its base URL as the people see it (the server itself, or a proxy for trouble on their side)
 */
export const startPeople = (homeserver: { readonly url: string }): People => {
  const host = new HostProcess()
  let last = 0
  return {
    join: async ({ user, strict = false, crossSign = true, deviceId }) => {
      const login = await logIn(homeserver.url, user.localpart, user.password, deviceId === undefined ? {} : { deviceId })
      const account = { baseUrl: homeserver.url, ...login, password: user.password, strict, crossSign }
      const person = new Person(host, ++last, account)
      await host.call(last, { kind: 'start', account })
      return person
    },
    stop: async () => await host.stop(),
  }
}
