import type { Admin, User } from '../support/homeserver/admin.ts'

/** A room of the demo's community. */
export interface RoomPlan {
  /** What people and the catalogue call it. */
  readonly name: string
  readonly topic?: string
  /** A key of `categories`. */
  readonly category: string
  readonly keywords?: readonly string[]
  /** Default `members`, as in the catalogue. */
  readonly visibility?: 'public' | 'members' | 'moderators'
  readonly always?: boolean
  readonly access?: 'invite' | 'admin-join' | 'link' | 'moderator'
  /** Default true. */
  readonly encrypted?: boolean
  readonly space?: boolean
  /** The bot's power level. Default 100; with less than 50 it cannot kick, and the others of the room can. */
  readonly botPower?: number
  /** Who is in besides the bot and the admin who made it. Default: moderators and members. */
  readonly people?: readonly (keyof Crowd)[]
  /** False = the room is there, but not in the catalogue. Default true. */
  readonly listed?: boolean
}

/** A room that was made. */
export interface DemoRoom extends RoomPlan {
  readonly roomId: string
  readonly alias: string
}

/** People by the words that plans use; `residents` are the members without the first one, who is the one to be removed in the story. */
export type Crowd = Readonly<Record<'moderators' | 'members' | 'residents', readonly User[]>>

export const categories = {
  community: { name: 'Community', keywords: ['news', 'help', 'introductions'] },
  outdoor: { name: 'Outdoors', keywords: ['outdoors', 'nature'] },
  tech: { name: 'Technology', keywords: ['programming', 'software', 'linux'] },
  arts: { name: 'Arts', keywords: ['art', 'culture'] },
} as const

export const synonyms = { hiking: ['trekking', 'walking'], ai: ['artificial intelligence', 'machine learning'] } as const

const settled = { people: ['moderators', 'residents'] } as const satisfies Partial<RoomPlan>

/** The demo's own community: a space and a dozen rooms. In two of them the bot has no power to remove anybody. */
export const usualRooms: readonly RoomPlan[] = [
  {
    name: 'Riverbend',
    topic: 'All our rooms',
    category: 'community',
    visibility: 'public',
    always: true,
    encrypted: false,
    space: true,
    ...settled,
  },
  { name: 'Lobby', topic: 'Everybody meets here', category: 'community', visibility: 'public', always: true },
  { name: 'Announcements', topic: 'News, little talk', category: 'community', visibility: 'public', encrypted: false, ...settled },
  { name: 'Help desk', topic: 'Ask anything', category: 'community', keywords: ['support', 'questions'], visibility: 'public', ...settled },
  { name: 'Hiking', topic: 'Walks and mountains', category: 'outdoor', keywords: ['hiking', 'mountains'], visibility: 'public' },
  { name: 'Cycling', topic: 'On two wheels', category: 'outdoor', keywords: ['cycling', 'bicycles'], botPower: 0 },
  { name: 'Gardening', topic: 'What grows', category: 'outdoor', keywords: ['gardening', 'plants'], ...settled },
  { name: 'Tech', topic: 'Software and machines', category: 'tech', visibility: 'public' },
  { name: 'AI and machine learning', topic: 'Models and their limits', category: 'tech', keywords: ['ai'], ...settled },
  {
    name: 'Self-hosting',
    topic: 'Own servers',
    category: 'tech',
    keywords: ['self-hosting', 'servers', 'matrix'],
    encrypted: false,
    ...settled,
  },
  { name: 'Music', topic: 'Playing and hearing', category: 'arts', keywords: ['music', 'guitar', 'singing'], botPower: 0 },
  { name: 'Photography', topic: 'Light and cameras', category: 'arts', keywords: ['photography', 'cameras'], ...settled },
  { name: 'Kitchen', topic: 'Recipes', category: 'community', keywords: ['cooking', 'food'], access: 'link' },
  {
    name: 'Stewards',
    topic: 'For moderators',
    category: 'community',
    visibility: 'moderators',
    access: 'moderator',
    people: ['moderators'],
  },
]

/** `AI and machine learning` → `ai-and-machine-learning`. */
export const slug = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')

/**
 * Makes the rooms as their future admin would: made by a person, who invites the bot and gives it its power. The bot creates none of them.
 * @param suffix of the aliases, where the server has other rooms of these names
 */
export const createRooms = async (
  admin: Admin,
  plans: readonly RoomPlan[],
  people: { readonly creator: User; readonly bot: User; readonly crowd: Crowd },
  suffix: string,
): Promise<readonly DemoRoom[]> => {
  const rooms: DemoRoom[] = []
  for (const plan of plans) {
    const alias = `${slug(plan.name)}${suffix}`
    const members = (plan.people ?? ['moderators', 'members']).flatMap((group) => people.crowd[group])
    const roomId = await createRoomWith(admin, people.creator, [people.bot, ...members], {
      name: plan.name,
      topic: plan.topic ?? plan.name,
      alias,
      encrypted: plan.encrypted ?? true,
      public: plan.visibility === 'public',
      space: plan.space === true,
      power: { [people.bot.userId]: plan.botPower ?? 100 },
    })
    rooms.push({ ...plan, roomId, alias: `#${alias}:${admin.homeserver.serverName}` })
  }
  await fillSpaces(admin, people.creator, rooms)
  return rooms
}

/** Makes a room, and lets the people in (invited first where the room asks for it). Answers with its id. */
export const createRoomWith = async (
  admin: Admin,
  creator: User,
  people: readonly User[],
  options: NonNullable<Parameters<Admin['createRoom']>[1]>,
): Promise<string> => {
  const invite = options.public === true ? [] : people.map((user) => user.userId)
  const roomId = await admin.createRoom(creator, { ...options, invite })
  for (const user of people) await admin.join(user, roomId)
  return roomId
}

const fillSpaces = async (admin: Admin, creator: User, rooms: readonly DemoRoom[]): Promise<void> => {
  const via = [admin.homeserver.serverName]
  for (const space of rooms.filter((room) => room.space === true)) {
    for (const child of rooms.filter((room) => room.space !== true && room.visibility !== 'moderators')) {
      const path = `/_matrix/client/v3/rooms/${encodeURIComponent(space.roomId)}/state/m.space.child/${encodeURIComponent(child.roomId)}`
      await admin.as(creator)('PUT', path, { via })
    }
  }
}
