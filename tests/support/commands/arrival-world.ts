import type { Membership } from '../../../src/database/schema.ts'
import { Bridged } from '../../../src/directory/bridged.ts'
import type { ListedRoom } from '../../../src/directory/listing.ts'
import type { DirectoryRoom } from '../../../src/directory/lookup.ts'
import { parsePowerLevels } from '../../../src/matrix/power-levels.ts'
import type { RoomPower } from '../../../src/matrix/power-levels.ts'
import type { ArrivalPorts } from '../../../src/onboarding/arrival-wish.ts'
import { systemClock } from '../../../src/operations/clock.ts'
import type { RoomId, UserId } from '../../../src/types.ts'

export const bot = '@gatehouse:example.org' as UserId
export const ada = '@ada:example.org' as UserId
export const mod = '@mod:example.org' as UserId
export const ghost = '@signal_1:example.org' as UserId
export const indoc = '!indoc:example.org' as RoomId

/** A room of the catalogue as tests name it. */
export const listedRoom = (name: string, more: Partial<ListedRoom> = {}): ListedRoom => ({
  roomId: `!${name.toLowerCase()}:example.org` as RoomId,
  alias: null,
  name,
  topic: null,
  category: undefined,
  keywords: [],
  visibility: 'members',
  access: 'invite',
  always: false,
  configured: true,
  mark: '⚙',
  space: false,
  joined: true,
  joinedCount: 10,
  replacementRoom: null,
  freshness: { asOf: 0, dirty: false },
  ...more,
})

/** What the rooms of a test are like. */
export interface World {
  readonly rooms?: readonly ListedRoom[]
  /** Memberships of people by room; the bot is joined everywhere unless it stands here. */
  readonly members?: Readonly<Record<RoomId, Readonly<Record<UserId, Membership>>>>
  /** Rooms where inviting needs power 50 and `@boss` has it. */
  readonly closed?: readonly RoomId[]
}

const powerOfRoom = (closed: boolean): RoomPower => ({
  version: '11',
  creators: [],
  levels: parsePowerLevels(closed ? { invite: 50, users: { '@boss:example.org': 100 } } : { invite: 0 }),
})

/** The Matrix side of the ports of an arrival, without a server. */
export const arrivalWorld = (world: World = {}): Pick<ArrivalPorts, 'directory' | 'listed' | 'catalogue' | 'indoc' | 'isOwnRoom'> => {
  const membership = (roomId: RoomId, userId: UserId): Membership | undefined => {
    const given = world.members?.[roomId]
    if (given !== undefined && Object.hasOwn(given, userId)) return given[userId]
    return userId === bot ? 'join' : undefined
  }
  return {
    directory: {
      ownUserId: bot,
      bridged: new Bridged([{ users: '^@signal_' }]),
      membership,
      room: (roomId) => ({ roomId, ownMembership: membership(roomId, bot) }) as DirectoryRoom,
      power: (roomId) => powerOfRoom(world.closed?.includes(roomId) ?? false),
      memberIds: () => [bot, '@boss:example.org' as UserId, '@far:other.example' as UserId],
    },
    listed: () => world.rooms ?? [],
    catalogue: () => ({ categories: {}, synonyms: {} }),
    indoc: () => indoc,
    isOwnRoom: (roomId) => roomId === indoc,
  }
}

/** The rest of the ports, as most tests want it. */
export const arrivalDefaults = {
  roleOf: () => 'everyone',
  isRoleGroup: (name) => name === 'Moderators',
  nameOf: (userId) => userId,
  clock: systemClock,
  random: () => 0,
  settings: { maxInvites: 5, autoRemoveFromIndoc: true, groups: [], grace: 900_000 },
} satisfies Partial<ArrivalPorts>
