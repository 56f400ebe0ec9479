import type { User } from '../support/homeserver/admin.ts'
import type { Person } from '../support/people/people.ts'
import type { Demo } from './environment.ts'
import { Transcript } from './transcript.ts'

/** Who may act in the demo. */
export type Actor = 'moderator' | 'admin' | 'newcomer' | 'visitor'

/** The people of a demo with their clients; each begins when it is first needed. */
export class Cast {
  readonly #demo: Demo
  readonly #print: (line: string) => void
  readonly #people = new Map<Actor, Promise<Person>>()
  readonly #transcripts: Transcript[] = []

  /** @param print receives what the people see */
  constructor(demo: Demo, print: (line: string) => void) {
    this.#demo = demo
    this.#print = print
  }

  user(actor: Actor): User {
    return this.#demo.users[actor]
  }

  /** A person with an encrypted, cross-signed client. The moderator should be the first: other people's lines then show only what he cannot see. */
  async person(actor: Actor): Promise<Person> {
    const started = this.#people.get(actor) ?? this.#start(actor)
    this.#people.set(actor, started)
    return await started
  }

  /** `Ada`, or the user id of somebody unknown. */
  readonly nameOf = (userId: string): string => {
    const { bot, admin, moderator, freshModerator, newcomer, freshNewcomer, visitor, members } = this.#demo.users
    const named: readonly (readonly [User, string])[] = [
      [bot, 'Gatehouse'],
      [admin, 'Olga'],
      [moderator, 'Mo'],
      [freshModerator, 'Mia'],
      [newcomer, 'Ada'],
      [freshNewcomer, 'Noa'],
      [visitor, 'Zoe'],
    ]
    const known = named.find(([user]) => user.userId === userId)?.[1]
    const member = members.find((user) => user.userId === userId)
    return known ?? (member === undefined ? userId : member.localpart.replace(/^./, (letter) => letter.toUpperCase()))
  }

  readonly roomName = (roomId: string): string => {
    const { indoc, admin, catalogue } = this.#demo.rooms
    if (roomId === indoc) return 'INDOC'
    if (roomId === admin) return 'admin'
    return catalogue.find((room) => room.roomId === roomId)?.name ?? 'DM'
  }

  async close(): Promise<void> {
    await Promise.all(this.#transcripts.map(async (transcript) => await transcript.close()))
  }

  async #start(actor: Actor): Promise<Person> {
    const person = await this.#demo.people.join({ user: this.user(actor), ...(actor === 'visitor' ? { crossSign: false } : {}) })
    const moderator = actor === 'moderator' ? undefined : await this.#people.get('moderator')
    const transcript = new Transcript(
      {
        person,
        nameOf: this.nameOf,
        roomName: this.roomName,
        print: this.#print,
        ...(moderator === undefined
          ? {}
          : {
              label: `(${this.nameOf(person.userId)} sees) `,
              skip: (roomId: string) => moderator.membership(roomId)?.membership === 'join',
            }),
      },
      [this.#demo.rooms.indoc, this.#demo.rooms.admin],
    )
    this.#transcripts.push(transcript)
    transcript.follow()
    return person
  }
}
