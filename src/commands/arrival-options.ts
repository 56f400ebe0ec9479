import type { CommandRequest } from '../chat/command.ts'
import type { OptionDeclaration } from '../chat/declaration.ts'
import type { ArrivalWish } from '../onboarding/arrival-wish.ts'

/**
 * What every command that lets somebody in takes about the account and the arrival.
 * @param organizationAliases other spellings of `--organization`
 */
export const arrivalOptions = (organizationAliases: readonly string[]): readonly OptionDeclaration[] => [
  { name: 'username', type: { kind: 'text' }, placeholder: 'name', summary: 'username, if it should not be made from the name' },
  { name: 'invited-by', type: { kind: 'text' }, placeholder: 'who', summary: 'who vouches for them' },
  { name: 'organization', aliases: organizationAliases, type: { kind: 'text' }, placeholder: 'text', summary: 'where they belong' },
  { name: 'interests', type: { kind: 'list' }, placeholder: '"a, b"', summary: 'interests; rooms are recommended from them' },
  { name: 'groups', type: { kind: 'list' }, placeholder: 'a,b', summary: 'Authentik groups to put them in' },
  {
    name: 'rooms',
    type: { kind: 'rooms' },
    placeholder: 'room,…',
    conflictsWith: ['no-rooms'],
    summary: 'invite to these rooms, not to recommended ones',
  },
  { name: 'no-rooms', summary: 'invite to no room' },
  { name: 'keep-in-indoc', summary: 'do not take them out of INDOC' },
  { name: 'no-welcome', summary: 'send no welcome DM' },
]

type Choices = 'username' | 'groups' | 'rooms' | 'noRooms' | 'keepInIndoc' | 'noWelcome' | 'asker' | 'place' | 'now' | 'dryRun'

/** What was chosen of them, by whom and where. Who the person is each command finds out in its own way. */
export const arrivalChoices = ({ arguments: given, asker, roomKind, now, dryRun }: CommandRequest): Pick<ArrivalWish, Choices> => ({
  username: given.text('username')?.trim() || undefined,
  groups: given.list('groups') ?? [],
  rooms: given.rooms('rooms'),
  noRooms: given.flag('no-rooms'),
  keepInIndoc: given.flag('keep-in-indoc'),
  noWelcome: given.flag('no-welcome'),
  asker: { userId: asker.userId, role: asker.role },
  place: roomKind,
  now,
  dryRun,
})
