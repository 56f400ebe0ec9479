import type { Caller } from './call.ts'
import { type AuthentikResult, done } from './errors.ts'
import { type Group, groupSchema } from './schemas.ts'

/** Calls about groups. Who may put whom into which group is decided before: Authentik lets the bot's role fill even its admin group. */
export interface GroupCalls {
  /** All groups, without their members. */
  listGroups(): Promise<AuthentikResult<readonly Group[]>>
  /** The group of exactly this name. */
  findGroup(name: string): Promise<AuthentikResult<Group | undefined>>
  /**
   * Adding a member again is no failure.
   * @param groupPk UUID of the group
   * @param userPk integer key of the user; `not-found` may also mean that the bot must not see the user
   */
  addToGroup(groupPk: string, userPk: number): Promise<AuthentikResult<undefined>>
  /** Removing a stranger is no failure. */
  removeFromGroup(groupPk: string, userPk: number): Promise<AuthentikResult<undefined>>
}

/** Builds the calls about groups. */
export const groupCalls = (caller: Caller): GroupCalls => {
  const member = (verb: 'add' | 'remove', groupPk: string, userPk: number) =>
    caller.tell({
      method: 'POST',
      path: `/core/groups/${encodeURIComponent(groupPk)}/${verb}_user/`,
      route: `core/groups/${verb}-user`,
      body: { pk: userPk },
      repeatable: true,
    })
  const list = (query: Record<string, string>) =>
    caller.list(
      { path: '/core/groups/', route: 'core/groups/list', query: { ...query, include_users: false } },
      groupSchema,
      (group) => group.pk,
    )
  return {
    listGroups: () => list({ ordering: 'name' }),
    findGroup: async (name) => {
      // An empty filter is no filter for Authentik.
      if (name.trim() === '') return done(undefined)
      const found = await list({ name })
      return found.ok ? done(found.value.find((group) => group.name === name)) : found
    },
    addToGroup: (groupPk, userPk) => member('add', groupPk, userPk),
    removeFromGroup: (groupPk, userPk) => member('remove', groupPk, userPk),
  }
}
