import { rmSync, writeFileSync } from 'node:fs'
import type { User } from '../support/homeserver/admin.ts'
import type { Demo } from './environment.ts'

interface AccessUser {
  readonly userId: string
  readonly password: string
  readonly role: 'bot' | 'admin' | 'moderator' | 'newcomer' | 'visitor' | 'member'
  /** It has no device yet, so a client that logs in first can sign itself. */
  readonly fresh: boolean
}

/** Everything that a client from outside needs to join in. */
export const accessOf = (demo: Demo): Record<string, unknown> => {
  const { bot, admin, moderator, freshModerator, newcomer, freshNewcomer, visitor, members } = demo.users
  const entry = ({ userId, password }: User, role: AccessUser['role'], fresh: boolean): AccessUser => ({ userId, password, role, fresh })
  const users = [
    entry(bot, 'bot', false),
    entry(admin, 'admin', true),
    entry(moderator, 'moderator', false),
    entry(freshModerator, 'moderator', true),
    entry(newcomer, 'newcomer', false),
    entry(freshNewcomer, 'newcomer', true),
    entry(visitor, 'visitor', true),
    ...members.map((user) => entry(user, 'member', true)),
  ]
  const { rooms, homeserver, authentik, files } = demo
  return {
    homeserver: homeserver.url,
    profile: demo.profile,
    users,
    rooms: { indoc: rooms.indoc, admin: rooms.admin, ...Object.fromEntries(rooms.catalogue.map((room) => [room.name, room.roomId])) },
    // The superuser's token, to look at everything; the bot has one of its own with the least rights.
    authentik: { url: authentik.url, token: authentik.adminToken },
    health: demo.bot.health,
    bot: { pid: demo.bot.pid, dataDir: demo.bot.dataDir, log: files.logFile, config: files.configFile, env: `${demo.dir}/bot.env` },
    synapse: { pid: homeserver.pid, database: homeserver.databaseFile },
  }
}

/** Writes `access.json`, readable by its owner only. */
export const writeAccess = (demo: Demo): string => {
  const path = `${demo.dir}/access.json`
  // A new file each time: the mode counts only for files that are made.
  rmSync(path, { force: true })
  writeFileSync(path, `${JSON.stringify(accessOf(demo), undefined, 2)}\n`, { mode: 0o600 })
  return path
}

export const removeAccess = (demo: Demo): void => {
  rmSync(`${demo.dir}/access.json`, { force: true })
}
