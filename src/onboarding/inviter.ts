import type { Directory } from '../directory/directory.ts'
import { isUserId } from '../matrix/ids.ts'
import type { UserId } from '../types.ts'

/** What is looked at to find out who is meant. */
export interface InviterPorts {
  readonly directory: Pick<Directory, 'ownUserId' | 'findPeople' | 'bridged'>
  readonly accountsNamed: (username: string) => readonly { readonly userId?: UserId | undefined }[]
  /** In a room of the community, and no newcomer: strangers are not asked. */
  readonly isMember: (userId: UserId) => boolean
}

/**
 * Who is meant by the name that a newcomer gives as their inviter: a Matrix id, an exact display name or a username. undefined = nobody, several
 * people, or somebody who cannot be asked. A wrong guess would tell a stranger who wants to come.
 */
export const findInviter = (ports: InviterPorts, written: string, newcomer: UserId): UserId | undefined => {
  const ids = written.split(/[\s(),;]+/u).filter(isUserId)
  const { directory } = ports
  const name = written.replace(/\s*\(.*\)\s*$/u, '').trim()
  const named =
    ids.length > 0
      ? ids
      : [...exactly(ports, name), ...ports.accountsNamed(name).flatMap(({ userId }) => (userId === undefined ? [] : [userId]))]
  const people = new Set(named.filter((userId) => ports.isMember(userId)))
  const [found] = people
  if (found === undefined || people.size > 1) return undefined
  const askable = found !== newcomer && found !== directory.ownUserId && directory.bridged.bridgeOf(found) === undefined
  return askable ? found : undefined
}

const exactly = ({ directory }: InviterPorts, name: string): readonly UserId[] =>
  directory
    .findPeople(name, 10)
    .filter(({ match }) => match === 'exact')
    .map(({ userId }) => userId)
