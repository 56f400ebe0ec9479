import { randomBytes } from 'node:crypto'
import type { Admin, NewUser, User } from '../support/homeserver/admin.ts'
import type { Profile } from './environment.ts'

/** Everybody on the demo's server. */
export interface Users {
  readonly bot: User
  /** Made all rooms; admin in the bot's configuration. */
  readonly admin: User
  readonly moderator: User
  /** No device yet: for a person's own client. */
  readonly freshModerator: User
  readonly newcomer: User
  /** No device yet: for a person's own client. */
  readonly freshNewcomer: User
  /** In no room and without a device: comes to INDOC when somebody lets them. */
  readonly visitor: User
  /** People of the community without a role. */
  readonly members: readonly User[]
}

const memberNames = ['Ben', 'Cleo', 'Dina', 'Emil', 'Fay', 'Gus', 'Hana', 'Ivo', 'Jo', 'Kai']

/**
 * Registers everybody. Only the bot is held to the server's rate limits, and only as a stranger; on its own server it is a server admin.
 * @param suffix of the localparts, where the server has other users of these names
 */
export const registerUsers = async (admin: Admin, profile: Profile, suffix: string, memberCount: number): Promise<Users> => {
  const register = async (localpart: string, displayName: string, more: NewUser = {}): Promise<User> =>
    await admin.registerUser({
      localpart: `${localpart}${suffix}`,
      displayName,
      password: randomBytes(15).toString('base64url'),
      ...more,
    })
  const own = profile === 'own-server'
  const bot = await register('gatehouse', 'Gatehouse', { admin: own, exempt: own })
  const members: User[] = []
  for (let number = 0; number < memberCount; number += 1) {
    const name = memberNames[number] ?? `Member ${number + 1}`
    members.push(await register(name.toLowerCase().replaceAll(' ', '-'), name))
  }
  return {
    bot,
    admin: await register('olga', 'Olga (admin)'),
    moderator: await register('mo', 'Mo (moderator)'),
    freshModerator: await register('mia', 'Mia (moderator)'),
    newcomer: await register('ada', 'Ada'),
    freshNewcomer: await register('noa', 'Noa'),
    visitor: await register('zoe', 'Zoe'),
    members,
  }
}
