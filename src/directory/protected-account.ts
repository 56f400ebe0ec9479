import type { UserId } from '../types.ts'
import type { Accounts } from './accounts.ts'
import type { Links } from './links.ts'

/**
 * Why only an admin may touch an account, in words that follow "it": accounts that give power over Authentik or over this bot are for admins only,
 * in every command. Deny by default: what the mirror does not know counts as protected.
 * @param isRoleGroup does a group of this name give a role?
 * @returns undefined = it is anybody's
 */
export const protectedAccount = (
  accounts: Pick<Accounts, 'get' | 'groups'>,
  isRoleGroup: (name: string) => boolean,
  pk: number,
): string | undefined => {
  const account = accounts.get(pk)
  if (account === undefined) return 'is not in my copy of Authentik yet'
  if (account.superuser) return 'is a superuser of Authentik'
  if (account.type.endsWith('service_account')) return 'is a service account'
  const known = accounts.groups()
  const own = account.groups.map((group) => known.find(({ pk: key }) => key === group))
  if (own.some((group) => group !== undefined && (group.superuser || isRoleGroup(group.name)))) return 'is in a group that gives a role'
  return own.includes(undefined) ? 'is in a group that I have not read yet' : undefined
}

/**
 * Why an account is not (any more) for this person to sign in with, in words that follow "it".
 * @returns undefined = it is linked to them, and not known to be disabled
 */
export const holderProblem = (
  links: Pick<Links, 'of'>,
  accounts: Pick<Accounts, 'get'>,
  userId: UserId,
  pk: number,
): string | undefined => {
  if (links.of(userId)?.pk !== pk) return 'is not linked to them any more'
  return accounts.get(pk)?.active === false ? 'is disabled' : undefined
}
