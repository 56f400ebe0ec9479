import type { AuthentikFailure } from '../authentik/errors.ts'
import type { Answer } from '../chat/answer.ts'
import type { Unavailable } from '../chat/command.ts'
import type { PlannedStep } from '../chat/effects.ts'
import { suggest } from '../chat/suggest.ts'
import type { GroupEntry } from '../directory/accounts.ts'
import type { ArrivalPorts, ArrivalWish } from './arrival-wish.ts'
import { failedRead, named, refusal } from './authentik-reads.ts'

/** A group that somebody is to be put into, or why not. */
export interface GroupChoice {
  readonly group: { readonly pk: string; readonly name: string }
  readonly blocked?: PlannedStep['blocked']
}

type GroupPorts = Pick<ArrivalPorts, 'authentik' | 'accounts' | 'isRoleGroup' | 'settings'>

/** All groups: the mirror's, and Authentik's own list when a name is not in it. */
const knownGroups = async (ports: GroupPorts, names: readonly string[]): Promise<readonly GroupEntry[] | AuthentikFailure> => {
  const mirrored = ports.accounts.groups()
  if (names.every((name) => mirrored.some((group) => group.name === name))) return mirrored
  const asked = await ports.authentik.listGroups()
  return asked.ok ? asked.value.map(({ pk, name, is_superuser }) => ({ pk, name, superuser: is_superuser })) : asked
}

const isList = (value: readonly GroupEntry[] | AuthentikFailure): value is readonly GroupEntry[] => Array.isArray(value)

/**
 * Looks up the groups of an arrival: those that the moderator named and those of the configuration, by exact name. A wrong name of the moderator
 * refuses the command; one in the configuration, which a moderator cannot mend, becomes a step that is reported as failed.
 */
export const chooseGroups = async (
  ports: GroupPorts,
  wish: Pick<ArrivalWish, 'groups' | 'asker'>,
): Promise<readonly GroupChoice[] | Answer | Unavailable> => {
  const asked = [...new Set(wish.groups)]
  const configured = [...new Set(ports.settings.groups)].filter((name) => !asked.includes(name))
  const names = [...asked, ...configured]
  if (names.length === 0) return []
  const known = await knownGroups(ports, names)
  if (!isList(known)) return failedRead(known)
  const mighty = (group: GroupEntry): boolean => group.superuser || ports.isRoleGroup(group.name)
  const choices: GroupChoice[] = []
  for (const name of names) {
    const explicit = asked.includes(name)
    const group = known.find((one) => one.name === name)
    if (group === undefined) {
      const near = suggest(
        name,
        known.map((one) => one.name),
      )
      const candidates = near.length > 0 ? near : known.slice(0, 5).map((one) => one.name)
      if (explicit) {
        return refusal(
          'unknown-group',
          'Nothing was done: Authentik has no group ',
          { code: name },
          ...(candidates.length === 0 ? [] : ['. Did you mean ', ...named(candidates), '?']),
        )
      }
      choices.push({ group: { pk: '', name }, blocked: failed('unknown-group', 'no such group in Authentik; `arrival.groups` names it') })
      continue
    }
    if (mighty(group) && wish.asker.role !== 'admin') {
      if (explicit) {
        return refusal(
          'role-group',
          'Nothing was done: the group ',
          { code: name },
          ' gives power over others, so only an admin may put people into it.',
        )
      }
      choices.push({ group, blocked: failed('role-group', 'it gives power over others, so only an admin may put people into it') })
      continue
    }
    choices.push({ group })
  }
  return choices
}

const failed = (code: string, text: string): PlannedStep['blocked'] => ({ state: 'failed', code, text })
