import { addFlow, addGroup, addInvitationStage, addToken, addUser, botPermissions, emptyState, type State } from './state.ts'

/** What a fresh stand-in holds besides the accounts that are always there. */
export interface Seed {
  /** Further people, `member-0001` and so on (0). */
  readonly people?: number
  /** Names of ordinary groups (`Members`). */
  readonly groups?: readonly string[]
  /** Slug of the enrolment flow, with an invitation stage bound (`community-enrollment`). */
  readonly enrollmentFlow?: string
  /** Whether the brand has a recovery flow (true). */
  readonly recovery?: boolean
  /** The bot's token, if it must be a certain one. */
  readonly token?: string
}

/** The accounts and tokens that every stand-in has. */
export interface Seeded {
  readonly state: State
  /** Token of the superuser `akadmin`. */
  readonly adminToken: string
  /** Token of the service account `matrix-bot` with the least role. */
  readonly token: string
  readonly botPk: number
}

/**
 * Fills a state: the superuser and its group, the bot's service account with its role, groups, an enrolment flow with a bound
 * invitation stage, a second one without a stage, a recovery flow, and as many people as asked for.
 */
export const seedState = (seed: Seed, now: number): Seeded => {
  const state = emptyState()
  const admins = addGroup(state, 'authentik Admins', { is_superuser: true })
  const admin = addUser(
    state,
    { username: 'akadmin', name: 'authentik Default Admin', email: 'akadmin@example.org', groups: [admins.pk] },
    now,
  )
  const bot = addUser(
    state,
    {
      username: 'matrix-bot',
      name: 'Matrix bot',
      type: 'service_account',
      path: 'goauthentik.io/service-accounts',
      attributes: { 'goauthentik.io/user/token-expires': false },
      permissions: botPermissions,
    },
    now,
  )
  for (const name of seed.groups ?? ['Members']) addGroup(state, name)
  const stage = addInvitationStage(state, 'invitation')
  addFlow(state, { slug: seed.enrollmentFlow ?? 'community-enrollment', designation: 'enrollment', title: 'Join us', stages: [stage.pk] })
  addFlow(state, { slug: 'open-enrollment', designation: 'enrollment', title: 'Sign up' })
  addFlow(state, { slug: 'default-recovery-flow', designation: 'recovery', title: 'Reset your password' })
  if (seed.recovery ?? true) state.recoveryFlow = 'default-recovery-flow'
  for (let number = 1; number <= (seed.people ?? 0); number += 1) {
    const username = `member-${String(number).padStart(4, '0')}`
    addUser(
      state,
      { username, name: `Member ${number}`, email: `${username}@example.org`, attributes: { matrix_id: `@${username}:example.org` } },
      now,
    )
  }
  return { state, adminToken: addToken(state, admin.pk), token: addToken(state, bot.pk, seed.token), botPk: bot.pk }
}
