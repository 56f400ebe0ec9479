import { isDeepStrictEqual } from 'node:util'
import type { Answer } from '../chat/answer.ts'
import type { Unavailable } from '../chat/command.ts'
import type { AccountReference, Effect, Plan, PlannedStep } from '../chat/effects.ts'
import { durationWords } from '../operations/durations.ts'
import type { UserId } from '../types.ts'
import { welcomeJobOf } from './bridges.ts'
import type { WelcomeJob } from './bridges.ts'
import { chooseAccount } from './arrival-account.ts'
import type { AccountChoice } from './arrival-account.ts'
import { chooseGroups } from './arrival-groups.ts'
import type { GroupChoice } from './arrival-groups.ts'
import { chooseRooms } from './arrival-rooms.ts'
import type { RoomPlan } from './arrival-rooms.ts'
import { fullName } from './arrival-wish.ts'
import type { ArrivalPorts, ArrivalWish } from './arrival-wish.ts'
import { refusal, withinPatience } from './authentik-reads.ts'
import type { PendingWish } from './pending-links.ts'
import { isNameOnly } from './earlier-account.ts'
import type { GraduationPayload } from './graduation.ts'
import type { WelcomePayload } from './welcome.ts'

/** A welcome as it is planned: the account may still have to be made. `resolveAccount` puts the real one in when the job is scheduled. */
export type PlannedWelcome = Omit<WelcomePayload, 'account'> & { readonly account?: AccountReference }

const isPerson = <Value extends object>(value: Value | Answer | Unavailable): value is Value =>
  !('blocks' in value) && !('unavailable' in value)

/**
 * Plans an arrival: account, groups, welcome, invitations to rooms, graduation out of INDOC. Steps depend on the account and on nothing else, so
 * a failed one blocks no other; what is there already is left out or reported as not needed, so the same command can be given again.
 * Reads only; the answer of Authentik is waited for less than 5 s.
 */
export const planArrival = async (ports: ArrivalPorts, wish: ArrivalWish): Promise<Plan | Answer | Unavailable> => {
  const userId = wish.person?.userId
  if (wish.person !== undefined && userId === undefined) {
    return refusal(
      'no-matrix-user',
      'Nothing was done: ',
      { code: wish.person.raw },
      ' is an account without a Matrix user. Give the id after --matrix.',
    )
  }
  if (userId === ports.directory.ownUserId) return refusal('target-bot', 'That is me: I need no account.')
  const reads = Promise.all([chooseAccount(ports, wish), chooseGroups(ports, wish)])
  const found = await withinPatience(reads, ports.clock)
  if ('unavailable' in found) return found
  const [account, groups] = found
  if (!isPerson(account)) return account
  if (!isPerson(groups)) return groups
  const builder = new Builder(ports, wish, account)
  builder.account()
  builder.groups(groups)
  if (userId === undefined) builder.withoutMatrix()
  else builder.withMatrix(userId)
  return builder.plan()
}

/** A wait that a moderator wonders about (milliseconds). */
const noticeableMs = 30_000
/** Synapse's default `rc_message`: so many events at once, then one in so many milliseconds. */
const events = { burst: 10, everyMs: 5000 } as const
/** `rc_invites.per_user`: the same for the invitations of one person. */
const invitations = { burst: 5, everyMs: 333_334 } as const
/** Messages beside the steps: the answer, hello, welcome and good-bye. */
const messages = 4

/** How long an arrival takes with the server's default limits (milliseconds). The direct chat is an invitation too. */
const arrivalTime = (steps: readonly PlannedStep[]): number => {
  const open = steps.filter(({ blocked }) => blocked === undefined)
  const invited = open.filter(({ effect }) => effect.kind === 'room.invite').length
  const welcomed = open.some(({ effect }) => effect.kind === 'job.schedule' && effect.job === 'welcome') ? 1 : 0
  const sent = invited + 2 * welcomed + messages
  return Math.max(
    Math.max(0, sent - events.burst) * events.everyMs,
    Math.max(0, invited + welcomed - invitations.burst) * invitations.everyMs,
  )
}

/** Puts the steps together. */
class Builder {
  readonly #ports: ArrivalPorts
  readonly #wish: ArrivalWish
  readonly #choice: AccountChoice
  readonly #steps: PlannedStep[] = []
  readonly #notes: string[] = []
  /** What the steps wait for that need the account (or its link). */
  #after: { readonly after?: readonly number[] } = {}

  constructor(ports: ArrivalPorts, wish: ArrivalWish, choice: AccountChoice) {
    this.#ports = ports
    this.#wish = wish
    this.#choice = choice
  }

  get #account(): AccountReference {
    return this.#choice.kind === 'create' ? { step: 0, username: this.#choice.username } : this.#choice.account
  }

  #add(effect: Effect, text: string, more: Pick<PlannedStep, 'after' | 'blocked'> = {}): void {
    const { after, blocked } = more
    this.#steps.push({ effect, text, ...(after === undefined ? {} : { after }), ...(blocked === undefined ? {} : { blocked }) })
  }

  account(): void {
    const wish = this.#wish
    const choice = this.#choice
    const userId = wish.person?.userId
    const attributes = attributesOf(wish)
    if (choice.kind === 'create') {
      this.#add(
        {
          kind: 'account.create',
          username: choice.username,
          name: fullName(wish),
          email: wish.email ?? '',
          attributes: { ...attributes, created_by: `gatehouse:${wish.asker.userId}` },
          ...(userId === undefined ? {} : { userId }),
        },
        wish.dryRun === true && choice.drawn === true
          ? `create an account; its username is drawn when it is made, such as ${choice.username}`
          : `create the account ${choice.username}`,
      )
      this.#after = { after: [0] }
      if (choice.note !== undefined) this.#notes.push(choice.note)
      return
    }
    const { account } = choice
    this.#notes.push(`${fullName(wish)} has the account ${account.username} already: I complete what is missing and make no second one.`)
    if (isNameOnly({ email: wish.email, userId, username: wish.username, name: fullName(wish) })) {
      this.#notes.push('If this is another person of that name, give --email, --matrix or --username.')
    }
    if (choice.kind === 'adopt' && userId !== undefined) {
      this.#add({ kind: 'account.link', account, userId }, `link the account ${account.username}`)
      this.#after = { after: [0] }
    }
    if (Object.keys(attributes).length > 0) {
      const there = Object.entries(attributes).every(([name, value]) => isDeepStrictEqual(choice.attributes[name], value))
      const skipped = there ? { blocked: { state: 'skipped', code: 'already-so', text: 'they stand there already' } as const } : {}
      this.#add({ kind: 'account.attributes', account, attributes }, `write the details into the account ${account.username}`, skipped)
    }
  }

  groups(groups: readonly GroupChoice[]): void {
    const choice = this.#choice
    const guarded = this.#groupGuard()
    for (const { group, blocked } of groups) {
      const effect: Effect = { kind: 'account.group', account: this.#account, group: group.pk, groupName: group.name }
      const there = choice.kind !== 'create' && choice.groups.includes(group.pk)
      const skipped = there ? ({ state: 'skipped', code: 'already-member', text: 'is in it already' } as const) : (blocked ?? guarded)
      const after = choice.kind === 'create' ? this.#after : {}
      this.#add(
        effect,
        `put ${this.#wish.first} into the group ${group.name}`,
        skipped === undefined ? after : { ...after, blocked: skipped },
      )
    }
  }

  /** The groups of an account that somebody has already are changed by people of a higher role only, and never by themselves. */
  #groupGuard(): PlannedStep['blocked'] {
    const { links, roleOf } = this.#ports
    const { person, asker } = this.#wish
    if (this.#choice.kind === 'create') return undefined
    const holder = person?.userId ?? links.ofAccount(this.#choice.account.pk)?.userId
    if (holder === undefined) return undefined
    if (holder === asker.userId)
      return { state: 'failed', code: 'target-self', text: 'nobody changes their own groups. Ask an admin of Authentik' }
    const role = roleOf(holder)
    if (role === 'everyone' || (asker.role === 'admin' && role === 'moderator')) return undefined
    const text = `is ${role === 'admin' ? 'an admin' : 'a moderator'}: only somebody with a higher role may change their groups. Ask an admin of Authentik`
    return { state: 'failed', code: 'target-role', text }
  }

  withoutMatrix(): void {
    const { first, last, email, invitedBy, organization, interests, rooms, noRooms, keepInIndoc, noWelcome, asker } = this.#wish
    if (noWelcome) {
      this.#notes.push('No Matrix user was given, and nothing is handed over (--no-welcome): nobody can sign in with this account yet.')
      return
    }
    const wish: PendingWish = {
      first,
      ...(last === undefined ? {} : { last }),
      ...(email === undefined ? {} : { email }),
      ...(invitedBy === undefined ? {} : { invitedBy }),
      ...(organization === undefined ? {} : { organization }),
      interests: [...interests],
      ...(rooms === undefined ? {} : { rooms: rooms.map(({ roomId, name }) => ({ roomId, name })) }),
      noRooms,
      keepInIndoc,
    }
    this.#add(
      { kind: 'account.hand-over', account: this.#account, name: first, deliverTo: asker.userId, wish },
      `hand ${first}’s way to sign in and their code over to you, by DM`,
      this.#choice.kind === 'create' ? this.#after : {},
    )
    this.#notes.push(
      `No Matrix user was given, so the account is linked to nobody yet. ${first} links it by sending me the code in a direct chat; ` +
        'welcome, rooms and graduation follow then by themselves.',
    )
  }

  withMatrix(userId: UserId): void {
    const rooms = chooseRooms(this.#ports, this.#wish, userId)
    const invited = rooms.invites.filter((room) => room.blocked === undefined && room.join !== true)
    this.#welcome(
      userId,
      rooms,
      invited.map(({ roomId, name, url }) => ({ roomId, name, ...(url === undefined ? {} : { url }) })),
    )
    for (const { roomId, shown, blocked, join } of rooms.invites) {
      const text = join === true ? `put ${this.#wish.first} into ${shown}` : `invite ${this.#wish.first} to ${shown}`
      this.#add(
        { kind: join === true ? 'room.join' : 'room.invite', roomId, userId },
        text,
        blocked === undefined ? this.#after : { ...this.#after, blocked },
      )
    }
    this.#notes.push(...rooms.notes)
    if (rooms.left > 0) {
      const what = rooms.left === 1 ? 'One more room fits' : `${rooms.left} more rooms fit`
      this.#notes.push(
        this.#wish.noWelcome
          ? `${what}; nobody was invited there (\`!addto\` does that).`
          : `${what}; the welcome names them with their links.`,
      )
    }
    this.#graduation(
      userId,
      invited.map((room) => room.roomId),
    )
  }

  #welcome(userId: UserId, rooms: RoomPlan, invited: PlannedWelcome['invited']): void {
    const { first, noWelcome, asker } = this.#wish
    if (noWelcome) {
      this.#notes.push('No welcome is sent (--no-welcome), and so no credentials. `!welcome` sends both.')
      return
    }
    const payload: PlannedWelcome = {
      userId,
      name: first,
      ...(this.#wish.credentialsGiven === true ? {} : { account: this.#account }),
      invited: [...invited],
      rooms: [...rooms.links],
      askedBy: asker.userId,
    }
    const job = welcomeJobOf(this.#ports.directory, userId)
    const effect: Effect = { kind: 'job.schedule', job, uniqueKey: userId, payload: { ...payload }, delayMs: 0 }
    const blocked = this.#welcomeObstacle(job, userId)
    this.#add(
      effect,
      job === 'welcome'
        ? `welcome ${first} by encrypted DM${this.#wish.credentialsGiven === true ? '' : ', with credentials'}`
        : `welcome ${first} over the bridge, else by e-mail or through you`,
      blocked === undefined ? this.#after : { ...this.#after, blocked },
    )
  }

  #welcomeObstacle(kind: WelcomeJob, userId: UserId): PlannedStep['blocked'] {
    // Nobody behind a bridge is shown by id: it holds a telephone number or an internal number.
    const name = kind === 'welcome' ? userId : `"${this.#wish.first}"`
    const latest = this.#ports.scheduler.latest(kind, userId)
    const open = latest?.state === 'waiting' || latest?.state === 'running'
    if (latest === undefined || !(open || latest.state === 'done')) return undefined
    const given = latest.payload['account']
    const pk =
      typeof given === 'object' && given !== null && Object.hasOwn(given, 'pk') ? (given as Record<string, unknown>)['pk'] : undefined
    // A welcome without this account's credentials is not the one that is needed.
    if (this.#choice.kind === 'create' || pk !== this.#choice.account.pk) {
      if (!open) return undefined
      return {
        state: 'failed',
        code: 'other-welcome-waits',
        text: `another welcome, without these credentials, waits as #${latest.jobId}. Take it back with \`!cancel ${latest.jobId}\`, then give \`!welcome ${name}\``,
      }
    }
    return open
      ? { state: 'skipped', code: 'already-scheduled', text: `waits already as #${latest.jobId}` }
      : { state: 'skipped', code: 'already-welcomed', text: `was sent already; \`!welcome ${name}\` sends it again` }
  }

  #graduation(userId: UserId, rooms: GraduationPayload['rooms']): void {
    const { settings, directory, scheduler, roleOf } = this.#ports
    const { first, keepInIndoc, asker, now } = this.#wish
    const indoc = this.#ports.indoc()
    const membership = indoc === undefined ? undefined : directory.membership(indoc, userId)
    if (membership !== 'join' && membership !== 'invite') return
    if (keepInIndoc || !settings.autoRemoveFromIndoc) {
      this.#notes.push(`${first} stays in INDOC (${keepInIndoc ? '--keep-in-indoc' : 'arrival.autoRemoveFromIndoc is off'}).`)
      return
    }
    if (roleOf(userId) !== 'everyone') {
      this.#notes.push(`${first} stays in INDOC: moderators and admins are not taken out.`)
      return
    }
    const payload: GraduationPayload = { userId, name: first, rooms, deadline: now + settings.grace, askedBy: asker.userId }
    const latest = scheduler.latest('graduation', userId)
    const open = latest?.state === 'waiting' || latest?.state === 'running'
    const blocked = open ? ({ state: 'skipped', code: 'already-scheduled', text: `waits already as #${latest.jobId}` } as const) : undefined
    const when = settings.grace === 0 ? 'now' : `once they have arrived, in ${durationWords(settings.grace)} at the latest`
    this.#add(
      { kind: 'job.schedule', job: 'graduation', uniqueKey: userId, payload: { ...payload }, delayMs: 0 },
      `say good-bye to ${first} and take them out of INDOC (${when})`,
      blocked === undefined ? this.#after : { ...this.#after, blocked },
    )
  }

  plan(): Plan {
    const userId = this.#wish.person?.userId
    const bridged = userId !== undefined && this.#ports.directory.bridged.bridgeOf(userId) !== undefined
    const estimateMs = this.#ports.exempt?.() === false ? arrivalTime(this.#steps) : 0
    if (estimateMs > noticeableMs) {
      const time = durationWords(estimateMs)
      this.#notes.push(`The server limits invitations: all of them will have gone out in about ${time}, the first ones at once.`)
    }
    const who = userId === undefined ? '' : bridged ? ' (bridged)' : ` (${userId})`
    return {
      summary: `${fullName(this.#wish)}${who}`,
      steps: this.#steps,
      ...(this.#notes.length === 0 ? {} : { notes: this.#notes }),
      targets: userId === undefined ? [] : [userId],
      ...(estimateMs === 0 ? {} : { estimateMs }),
    }
  }
}

type Attributes = Extract<Effect, { kind: 'account.create' }>['attributes']

const attributesOf = (wish: ArrivalWish): Attributes => ({
  ...(wish.person?.userId === undefined ? {} : { matrix_id: wish.person.userId }),
  ...(wish.invitedBy === undefined ? {} : { invited_by: wish.invitedBy }),
  ...(wish.invitedByConfirmed === undefined ? {} : { invited_by_confirmed: wish.invitedByConfirmed }),
  ...(wish.organization === undefined ? {} : { organization: wish.organization }),
  ...(wish.linkedin === undefined ? {} : { linkedin: wish.linkedin }),
  ...(wish.intro === undefined ? {} : { intro: wish.intro }),
  ...(wish.interests.length === 0 ? {} : { interests: wish.interests }),
})
