import type { UserId } from '../types.ts'

/** What tells bridged people apart: `bridges[].users` of the config, a regular expression on the user id. */
export interface BridgePattern {
  readonly users: string
  /** The user that speaks for the bridge. Its ghosts are of the same server (absent = any server). */
  readonly bot?: UserId
}

const serverOf = (userId: UserId): string => userId.slice(userId.indexOf(':') + 1)

/** Knows bridged people (ghosts that a bridge speaks for) by their user ids. */
export class Bridged {
  readonly #patterns: readonly { readonly users: RegExp; readonly bot: UserId | undefined }[]

  /** @throws SyntaxError for a bad expression; the config has checked them */
  constructor(bridges: readonly BridgePattern[] = []) {
    this.#patterns = bridges.map(({ users, bot }) => ({ users: new RegExp(users, 'u'), bot }))
  }

  /**
   * Which bridge (index in the config) speaks for this user? undefined = none: a person with a Matrix client. Anybody's server can have users with
   * such names, and its people would hide behind the badge: a bridge has ghosts on its own server only.
   */
  bridgeOf(userId: UserId): number | undefined {
    const index = this.#patterns.findIndex(
      ({ users, bot }) => users.test(userId) && (bot === undefined || serverOf(bot) === serverOf(userId)),
    )
    return index === -1 ? undefined : index
  }

  /** The user that speaks for a bridged person; undefined = nobody does. */
  botOf(userId: UserId): UserId | undefined {
    const index = this.bridgeOf(userId)
    return index === undefined ? undefined : this.#patterns[index]?.bot
  }

  /**
   * How a person is named in an answer: by display name and id, a bridged one by display name with a badge and never by the raw id
   * (it holds a telephone number or an internal number).
   */
  label(userId: UserId, displayName: string | null): string {
    const name = honest(displayName ?? '')
    if (this.bridgeOf(userId) !== undefined) return `${name === '' ? 'somebody without a name' : name} (bridged)`
    return name === '' ? userId : `${name} (${userId})`
  }
}

/** Anybody can choose their display name: it stays in its line, and no id stands in it that would be taken for theirs. */
const honest = (displayName: string): string =>
  displayName
    .replaceAll(/\(?@[^\s()]+:[^\s()]+\)?/g, '')
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
