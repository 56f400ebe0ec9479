import { done } from '../authentik/errors.ts'
import type { AuthentikFailure, AuthentikResult } from '../authentik/errors.ts'
import type { UsernameMatch } from '../authentik/users.ts'
import type { User } from '../authentik/schemas.ts'
import { paragraph } from '../chat/answer.ts'
import type { Answer } from '../chat/answer.ts'
import type { Unavailable } from '../chat/command.ts'
import { words } from '../directory/fold.ts'
import { fullName } from './arrival-wish.ts'
import type { ArrivalPorts, ArrivalWish } from './arrival-wish.ts'
import { failedRead, named, refusal } from './authentik-reads.ts'
import type { EarlierAccount } from './earlier-account.ts'
import { findUsername } from './username.ts'
import type { UsernameResult } from './username.ts'

/** Which account somebody who arrives gets. */
export type AccountChoice =
  | /** `drawn`: the username is a random one, and another is drawn when the plan is made again. */ {
      readonly kind: 'create'
      readonly username: string
      readonly drawn?: true
      readonly note?: string
    }
  | /** `reuse`: it is theirs already. `adopt`: an earlier command of ours made it, and it is linked now. */ {
      readonly kind: 'reuse' | 'adopt'
      readonly account: { readonly pk: number; readonly username: string }
      /** UUIDs of the groups it is in. */
      readonly groups: readonly string[]
      readonly attributes: Readonly<Record<string, unknown>>
    }

type AccountPorts = Pick<ArrivalPorts, 'authentik' | 'accounts' | 'links' | 'earlier' | 'isRoleGroup' | 'random'>

const foldCase = (text: string): string => text.normalize('NFKC').toLowerCase()
const sameText = (one: string, other: string): boolean => foldCase(one.trim()) === foldCase(other.trim())

/** Names that Authentik and every form take, and that differ in more than letter case (Authentik itself takes anything). */
const usernamePattern = /^[a-z0-9][a-z0-9._-]{0,149}$/

const exists = (username: string, ...why: readonly string[]): Answer =>
  refusal('account-exists', 'Nothing was done: ', ...why, ' ', { code: username }, '.')

const withNext = (answer: Answer, next: string): Answer => ({ ...answer, blocks: [...answer.blocks, { paragraph: [next] }] })

/** A free username of the generated form. The mirror answers for nothing; only what is free there is asked of Authentik. */
const generate = (ports: AccountPorts, first: string): Promise<UsernameResult<AuthentikFailure>> =>
  findUsername<AuthentikFailure>(
    first,
    async (username) => {
      if (ports.accounts.byUsername(username).length > 0) return { ok: true, taken: true }
      const match = await ports.authentik.findUserByUsername(username)
      return match.ok
        ? { ok: true, taken: match.value.exact !== undefined || match.value.similar.length > 0 }
        : { ok: false, problem: match }
    },
    ports.random,
  )

/** What became of the account of an earlier plan. */
interface Before {
  readonly user: User | undefined
  /** Its username can be used again: nobody has it. */
  readonly free: boolean
}

const lookEarlier = async (ports: AccountPorts, earlier: EarlierAccount): Promise<AuthentikResult<Before>> => {
  if (earlier.pk !== undefined) {
    const user = await ports.authentik.getUser(earlier.pk)
    if (user.ok) return done({ user: user.value, free: false })
    return user.code === 'not-found' ? done({ user: undefined, free: true }) : user
  }
  const match = await ports.authentik.findUserByUsername(earlier.username)
  if (!match.ok) return match
  const { exact, similar } = match.value
  // Whether our request made it was never confirmed: it must bear what we would have written.
  const ours =
    exact !== undefined &&
    sameText(exact.email, earlier.email) &&
    Object.hasOwn(exact.attributes, 'created_by') &&
    exact.attributes['created_by'] === earlier.createdBy
  return done({ user: ours ? exact : undefined, free: exact === undefined && similar.length === 0 })
}

interface Reads {
  readonly linked: AuthentikResult<User> | undefined
  readonly byEmail: AuthentikResult<readonly User[]> | undefined
  readonly before: AuthentikResult<Before> | undefined
  readonly byName: AuthentikResult<UsernameMatch> | undefined
  readonly generated: UsernameResult<AuthentikFailure> | undefined
}

const failureIn = ({ linked, byEmail, before, byName, generated }: Reads): AuthentikFailure | undefined => {
  if (linked !== undefined && !linked.ok && linked.code !== 'not-found') return linked
  for (const read of [byEmail, before, byName]) if (read !== undefined && !read.ok) return read
  return generated?.ok === false && generated.code === 'unchecked' ? generated.problem : undefined
}

/**
 * Decides which account a newcomer gets: the linked one, the one an earlier command of ours made for them, or a new one. Never a second one
 * for the same person, and never somebody else's: `attributes.matrix_id` of an account counts for nothing.
 */
export const chooseAccount = async (ports: AccountPorts, wish: ArrivalWish): Promise<AccountChoice | Answer | Unavailable> => {
  const choice = await choose(ports, wish)
  return 'blocks' in choice && aboutAccounts.has(choice.code) ? discreet(choice) : choice
}

/** These name an account that is not the newcomer's own for sure. */
const aboutAccounts: ReadonlySet<string> = new Set([
  'account-exists',
  'account-inactive',
  'account-in-use',
  'account-waits',
  'role-group',
  'username-taken',
])

/** Newcomers read along in INDOC: which account it is, and whose, is for the moderator alone. */
const discreet = (answer: Answer): Answer => ({
  ...answer,
  privacy: 'personal',
  inPublic: [paragraph('Nothing was done: there is an account already that stands against it.')],
})

const choose = async (ports: AccountPorts, wish: ArrivalWish): Promise<AccountChoice | Answer | Unavailable> => {
  const { authentik, links } = ports
  const userId = wish.person?.userId
  const username = wish.username === undefined ? undefined : wish.username.trim().toLowerCase()
  if (username !== undefined && !usernamePattern.test(username)) {
    return refusal(
      'bad-username',
      'Nothing was done: ',
      { code: username },
      ' cannot be a username. Letters a-z, digits, ".", "_" and "-" can be used.',
    )
  }
  const identity = { email: wish.email, userId, username, name: fullName(wish) }
  const link = userId === undefined ? undefined : links.of(userId)
  const earlier = ports.earlier(identity, wish.now)
  // All at once: two waits in a row would be too long for an answer.
  const [linked, byEmail, before, byName, generated] = await Promise.all([
    link === undefined ? undefined : authentik.getUser(link.pk),
    wish.email === undefined ? undefined : authentik.findUsersByEmail(wish.email),
    earlier === undefined || (link !== undefined && earlier.pk === link.pk) ? undefined : lookEarlier(ports, earlier),
    username === undefined ? undefined : authentik.findUserByUsername(username),
    username === undefined && link === undefined && earlier === undefined ? generate(ports, wish.first) : undefined,
  ])
  const reads: Reads = { linked, byEmail, before, byName, generated }
  const failure = failureIn(reads)
  if (failure !== undefined) return failedRead(failure)

  if (linked?.ok === true)
    return isNamed(linked.value, wish) || !linked.value.is_active
      ? own(linked.value, wish, username, 'reuse')
      : otherName(linked.value, wish)
  if (earlier !== undefined && before?.ok === true && before.value.user !== undefined) {
    return adopt(ports, wish, earlier, before.value.user, username)
  }
  if (byEmail?.ok === true && byEmail.value.length > 0) return emailTaken(byEmail.value)
  if (username !== undefined) {
    const taken = takenName(ports, reads, username)
    if (taken !== undefined) {
      return withNext(
        refusal('username-taken', 'Nothing was done: the username is taken by the account ', { code: taken }, '.'),
        'Leave --username out and I make one, or choose another.',
      )
    }
    return { kind: 'create', username }
  }
  // The name of an account that is gone, or whose making was never confirmed, is used again: if it is there after all, Authentik refuses
  // the second one.
  const again = link?.username ?? (before?.ok === true && before.value.free ? earlier?.username : undefined)
  if (again !== undefined) {
    const gone = link === undefined ? undefined : `The account ${link.username} that was linked before is gone from Authentik.`
    return { kind: 'create', username: again, ...(gone === undefined ? {} : { note: gone }) }
  }
  const made = generated ?? (await generate(ports, wish.first))
  if (made.ok) return { kind: 'create', username: made.username, drawn: true }
  return made.code === 'unchecked'
    ? failedRead(made.problem)
    : refusal('no-username', `Nothing was done: ${made.tries} usernames were tried and all are taken. Give one with --username.`)
}

const takenName = (ports: AccountPorts, { byName }: Reads, username: string): string | undefined => {
  const match = byName?.ok === true ? (byName.value.exact ?? byName.value.similar[0]) : undefined
  return match?.username ?? ports.accounts.byUsername(username).find((account) => sameText(account.username, username))?.username
}

const emailTaken = (users: readonly User[]): Answer => {
  const [only] = users
  if (users.length === 1 && only?.is_active === false) {
    return withNext(
      refusal('account-inactive', 'Nothing was done: this e-mail belongs to the account ', { code: only.username }, ', which is disabled.'),
      'Somebody decided that, or took an arrival back. An admin can switch it on or delete it in Authentik; or give the command again with another e-mail.',
    )
  }
  return withNext(
    refusal(
      'account-exists',
      `Nothing was done: this e-mail belongs to the account${users.length === 1 ? '' : 's'} `,
      ...named(users.slice(0, 5).map((user) => user.username)),
      '. I did not make it for this person, so I do not hand it to them.',
    ),
    'If it is theirs, they can sign in with it or choose a new password on the sign-in page. If not, give the command again with another e-mail.',
  )
}

/** May the account be that of the named person? All words of one name stand in the other; case and accents do not count. */
const isNamed = (user: User, wish: ArrivalWish): boolean => {
  const [known, given] = [words(user.name), words(fullName(wish))]
  return known.every((word) => given.includes(word)) || given.every((word) => known.includes(word))
}

/** A Matrix user who is linked already, under a name that the command does not say: probably another person was meant. */
const otherName = (user: User, wish: ArrivalWish): Answer =>
  withNext(
    exists(user.username, `${wish.person?.userId ?? 'this Matrix user'} is linked to the account of ${user.name} already:`),
    `If ${fullName(wish)} is somebody else, give their own Matrix user. If it is the same person, give the command with the name of the account, ` +
      'or use `!welcome` and `!addto`.',
  )

/** The account of the person, unless something that was said with the command speaks against it. */
const own = (user: User, wish: ArrivalWish, username: string | undefined, kind: 'reuse' | 'adopt'): AccountChoice | Answer => {
  if (username !== undefined && !sameText(username, user.username)) {
    return withNext(
      exists(user.username, `${fullName(wish)} has an account already:`),
      'Nobody gets a second one. Leave --username out to complete that account.',
    )
  }
  if (wish.email !== undefined && !sameText(wish.email, user.email)) {
    return withNext(
      exists(user.username, `${fullName(wish)} has an account already, with ${user.email === '' ? 'no' : 'another'} e-mail:`),
      'Nobody gets a second one. Leave --email out to complete that account; an admin can change its e-mail in Authentik.',
    )
  }
  if (!user.is_active) {
    return withNext(
      refusal('account-inactive', 'Nothing was done: the account ', { code: user.username }, ' is deactivated.'),
      'Somebody decided that. Ask an admin to activate it in Authentik, then give the command again.',
    )
  }
  return { kind, account: { pk: user.pk, username: user.username }, groups: user.groups, attributes: user.attributes }
}

/** An account that an earlier command of ours made for this e-mail or MXID. */
const adopt = (
  ports: AccountPorts,
  wish: ArrivalWish,
  earlier: EarlierAccount,
  user: User,
  username: string | undefined,
): AccountChoice | Answer => {
  const userId = wish.person?.userId
  if (userId === undefined) return own(user, wish, username, 'reuse')
  // Made without a Matrix user and in use since: whoever signs in with it has it, and a moderator's word gives it to nobody else.
  const unclaimed = earlier.userId === undefined && ports.links.ofAccount(user.pk) === undefined
  if (unclaimed && user.last_login !== null && user.last_login !== undefined) {
    return withNext(
      refusal(
        'account-in-use',
        'Nothing was done: the account ',
        { code: user.username },
        ' has this e-mail, and somebody signs in with it already.',
      ),
      'It was made without a Matrix user, so who it belongs to has to be proven. Ask an admin to link it.',
    )
  }
  // Anybody can write any address into an introduction.
  if (unclaimed && wish.emailOnlyClaimed === true) {
    return withNext(
      refusal(
        'account-waits',
        'Nothing was done: the account ',
        { code: user.username },
        ' was made for the e-mail that they wrote, and waits for its person to prove who they are.',
      ),
      `If it is theirs, they send me the code that they were handed, in a direct chat (\`!reset ${user.username}\` makes a new one). ` +
        'If you know that it is theirs, give the command again with --email; if they are somebody else, with another address.',
    )
  }
  const holder = ports.links.ofAccount(user.pk)?.userId ?? earlier.userId
  if (holder !== undefined && holder !== userId) {
    return withNext(
      exists(user.username, 'this e-mail belongs to the account of another Matrix user:'),
      'Give the command again with another e-mail, or with the Matrix user whom that account belongs to.',
    )
  }
  // Linking hands the account over: what gives power is for admins to hand over.
  const mighty = user.is_superuser || user.type.includes('service') || roleGroups(ports, user.groups)
  if (mighty && wish.asker.role !== 'admin') {
    return refusal('role-group', 'Nothing was done: the account ', { code: user.username }, ' has a role or is no person. Ask an admin.')
  }
  return own(user, wish, username, 'adopt')
}

const roleGroups = (ports: AccountPorts, groups: readonly string[]): boolean =>
  ports.accounts.groups().some((group) => groups.includes(group.pk) && (group.superuser || ports.isRoleGroup(group.name)))
