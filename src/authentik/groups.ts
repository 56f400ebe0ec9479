import type { Caller } from './call.ts'
import { type AuthentikResult, done } from './errors.ts'
import { type Group, groupSchema } from './schemas.ts'

/** Calls about groups. Who may put whom into which group is decided before: Authentik lets the bot's role fill even its admin group. */
export interface GroupCalls {
  /** All groups, without their members. `is_superuser` counts what a group inherits from its ancestors. */
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

/**
 * Marks groups as superuser groups that are so by one of their ancestors: Authentik counts members of a group as members of its parents, and
 * says so nowhere in the list.
 */
export const withInheritedPower = (groups: readonly Group[]): readonly Group[] => {
  const byPk = new Map(groups.map((group) => [group.pk, group]))
  const inherits = (group: Group, seen: ReadonlySet<string>): boolean =>
    group.is_superuser ||
    [...group.parents, ...(group.parent === null || group.parent === undefined ? [] : [group.parent])].some((pk) => {
      const parent = byPk.get(pk)
      return parent !== undefined && !seen.has(pk) && inherits(parent, new Set([...seen, pk]))
    })
  return groups.map((group) => (inherits(group, new Set([group.pk])) ? { ...group, is_superuser: true } : group))
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
  const listGroups: GroupCalls['listGroups'] = async () => {
    const found = await list({ ordering: 'name' })
    return found.ok ? done(withInheritedPower(found.value)) : found
  }
  return {
    listGroups,
    findGroup: async (name) => {
      // All of them, because only the whole list shows what a group inherits.
      const found = await listGroups()
      return found.ok ? done(found.value.find((group) => group.name === name)) : found
    },
    addToGroup: (groupPk, userPk) => member('add', groupPk, userPk),
    removeFromGroup: (groupPk, userPk) => member('remove', groupPk, userPk),
  }
}
