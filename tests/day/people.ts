import type { Admin, User } from '../support/homeserver/admin.ts'
import { startLightUser, type LightUser } from '../support/people/light.ts'

/** How somebody comes. */
export type Way = 'joins' | 'knocks' | 'bridged' | 'without Matrix'

/** One of the thirty. */
export interface Arrival {
  readonly way: Way
  readonly name: string
  readonly email: string
  /** Words for their interests, and the room that they should end in. */
  readonly interest: readonly [words: string, room: string]
  /** What they write in INDOC. */
  readonly introduction: string
}

const names = [
  'Ada Lovelace',
  'Zoë Brandt',
  'Miguel Ortega',
  'Priya Nair',
  'Олена Коваль',
  'Jonas Weber',
  'Fatima Zahra',
  'Lars Nilsen',
  'Chiara Rossi',
  'Tom Baker',
  'Yuki Tanaka',
  'Ines Duarte',
  'Noah Stern',
  'Amara Okafor',
  'Pavel Novak',
  'Sofia Lind',
  'Omar Haddad',
  'Greta Vogel',
  'Hugo Petit',
  'Nina Koch',
  'Ravi Patel',
  'Elsa Berg',
  'Leo Fischer',
  'Maya Cohen',
  'Ivan Petrov',
  'Rosa Marin',
  'Kofi Mensah',
  'Lena Wolf',
  'Anton Krause',
  'Vera Holm',
] as const

const interests = [
  ['hiking', 'Hiking'],
  ['gardening, plants', 'Gardening'],
  ['photography', 'Photography'],
  ['machine learning', 'AI and machine learning'],
  ['self-hosting, matrix', 'Self-hosting'],
] as const

/** Introductions as people write them. */
const styles: readonly ((name: string, email: string, interest: string) => string)[] = [
  (name, email, interest) => `1. ${name}\n2. Riverbend Library\n3. Mo\n4. ${email}\n5. ${interest}\n6. skip`,
  (name, email, interest) => `Name: ${name}\nOrganization: none\nInvited by: Mo\nEmail: ${email}\nInterests: ${interest}`,
  (name, email, interest) => `Hi all 👋\n\n1) ${name}\n2) Open Maps\n3) Olga\n4) ${email}\n5) ${interest}`,
  (name, email, interest) => `${name}\nThe Workshop\nMo\n${email}\n${interest}`,
]

/** How many come in which way. */
const ways: readonly (readonly [Way, number])[] = [
  ['joins', 15],
  ['bridged', 8],
  ['knocks', 4],
  ['without Matrix', 3],
]

/** The newcomers of the day, mixed. */
export const arrivals = (): readonly Arrival[] => {
  const all = ways.flatMap(([way, count]) => Array.from({ length: count }, () => way))
  return all.map((way, index) => {
    const name = names[index] ?? `Newcomer ${index}`
    const interest = interests[index % interests.length] ?? interests[0]
    const email = `newcomer${index + 1}@riverbend.test`
    const write = styles[index % styles.length] ?? styles[0]
    return { way, name, email, interest, introduction: write?.(name, email, interest[0]) ?? '' }
  })
}

/** What happened to one of them, in milliseconds since the day began. */
export interface Record {
  readonly arrival: Arrival
  userId: string
  approvedAt?: number
  welcomes: number
  welcomeAt?: number
  firstRoomAt?: number
}

/** A person with a light client, who accepts every invitation that the bot (or an admin) sends. */
export class Visitor {
  readonly user: User
  readonly client: LightUser
  readonly #joined: (roomId: string) => void
  readonly #seen = new Set<string>()
  #ended = false

  private constructor(user: User, client: LightUser, joined: (roomId: string) => void) {
    this.user = user
    this.client = client
    this.#joined = joined
  }

  static async start(
    admin: Admin,
    user: User,
    password: string,
    options: { readonly crossSign: boolean; readonly joined?: (roomId: string) => void },
  ): Promise<Visitor> {
    const { crossSign, joined = () => undefined } = options
    const client = await startLightUser(
      { url: admin.homeserver.url },
      { user: { localpart: localpartOf(user.userId), password }, crossSign },
    )
    return new Visitor(user, client, joined)
  }

  /** Accepts what comes, until `end`. */
  async acceptAll(): Promise<void> {
    while (!this.#ended) {
      for (const roomId of this.client.invites()) {
        if (this.#seen.has(roomId)) continue
        this.#seen.add(roomId)
        await this.client.join(roomId)
        this.#joined(roomId)
      }
      await this.client.nextSync()
    }
  }

  async end(): Promise<void> {
    this.#ended = true
    await this.client.stop()
  }
}

const localpartOf = (userId: string): string => userId.slice(1, userId.indexOf(':'))
