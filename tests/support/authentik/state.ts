import { createHash, randomBytes, randomUUID } from 'node:crypto'

/** What the bot's role holds, by the table of `facts/authentik.md` §1.1 (seen to suffice on a real server). */
export const botPermissions = [
  'authentik_core.view_user',
  'authentik_core.add_user',
  'authentik_core.change_user',
  'authentik_core.reset_user_password',
  'authentik_core.view_group',
  'authentik_core.add_group',
  'authentik_core.add_user_to_group',
  'authentik_core.remove_user_from_group',
  'authentik_stages_invitation.view_invitation',
  'authentik_stages_invitation.add_invitation',
  'authentik_stages_invitation.delete_invitation',
  'authentik_stages_invitation.view_invitationstage',
  'authentik_flows.view_flow',
  'authentik_core.view_authenticatedsession',
  'authentik_core.delete_authenticatedsession',
] as const

export interface UserRecord {
  readonly pk: number
  readonly uuid: string
  readonly uid: string
  username: string
  name: string
  email: string
  is_active: boolean
  path: string
  type: string
  attributes: Record<string, unknown>
  /** UUIDs of groups. */
  readonly groups: Set<string>
  /** Codenames that a role gives. Superusers need none. */
  readonly permissions: Set<string>
  /** In clear, so that tests can compare. */
  password: string | undefined
  readonly date_joined: string
  last_login: string | null
  password_change_date: string
  last_updated: string
}

export interface GroupRecord {
  readonly pk: string
  readonly num_pk: number
  name: string
  is_superuser: boolean
  attributes: Record<string, unknown>
}

export interface FlowRecord {
  readonly pk: string
  readonly policybindingmodel_ptr_id: string
  slug: string
  name: string
  title: string
  designation: string
  /** UUIDs of stages. */
  stages: string[]
}

export interface InvitationStageRecord {
  readonly pk: string
  name: string
  continue_flow_without_invitation: boolean
}

export interface InvitationRecord {
  readonly pk: string
  name: string
  expires: string
  fixed_data: Record<string, unknown>
  single_use: boolean
  flow: string | null
  readonly created_by: number
}

export interface SessionRecord {
  readonly uuid: string
  readonly user: number
  readonly last_used: string
  readonly expires: string
}

/** All that the stand-in knows. Tests may look at it and change it. */
export interface State {
  readonly users: Map<number, UserRecord>
  readonly groups: Map<string, GroupRecord>
  readonly flows: Map<string, FlowRecord>
  readonly invitationStages: Map<string, InvitationStageRecord>
  readonly invitations: Map<string, InvitationRecord>
  readonly sessions: Map<string, SessionRecord>
  /** Token to user pk. Deleting one makes it dead. */
  readonly tokens: Map<string, number>
  /** User pk to the key in its recovery link, until the link was used. */
  readonly recoveryKeys: Map<number, { readonly key: string; expires: string }>
  /** Slug of the brand's recovery flow. */
  recoveryFlow: string | null
  /** UUID of the e-mail stage that writes recovery e-mails. */
  emailStage: string
  /** Addresses that were sent a recovery e-mail, in order. */
  readonly recoveryMails: string[]
  nextUserPk: number
}

/** Authentik's form of a time: microseconds and `Z`. */
export const isoTime = (milliseconds: number): string => new Date(milliseconds).toISOString().replace('Z', '000Z')

export const emptyState = (): State => ({
  users: new Map(),
  groups: new Map(),
  flows: new Map(),
  invitationStages: new Map(),
  invitations: new Map(),
  sessions: new Map(),
  tokens: new Map(),
  recoveryKeys: new Map(),
  recoveryFlow: null,
  emailStage: '3c7d5e0a-2f43-4f0e-9a53-0f1f8f8a6f10',
  recoveryMails: [],
  nextUserPk: 3,
})

/** Adds an account. */
export const addUser = (
  state: State,
  given: { readonly username: string } & Partial<
    Pick<UserRecord, 'name' | 'email' | 'is_active' | 'path' | 'type' | 'attributes'> & {
      groups: Iterable<string>
      permissions: Iterable<string>
    }
  >,
  now: number,
): UserRecord => {
  const pk = state.nextUserPk
  state.nextUserPk += 1
  const time = isoTime(now)
  const user: UserRecord = {
    pk,
    uuid: randomUUID(),
    uid: createHash('sha256').update(`stand-in ${pk}`).digest('hex'),
    username: given.username,
    name: given.name ?? '',
    email: given.email ?? '',
    is_active: given.is_active ?? true,
    path: given.path ?? 'users',
    type: given.type ?? 'internal',
    attributes: given.attributes ?? {},
    groups: new Set(given.groups),
    permissions: new Set(given.permissions),
    password: undefined,
    date_joined: time,
    last_login: null,
    password_change_date: time,
    last_updated: time,
  }
  state.users.set(pk, user)
  return user
}

export const addGroup = (
  state: State,
  name: string,
  options: { is_superuser?: boolean; attributes?: Record<string, unknown> } = {},
): GroupRecord => {
  const group: GroupRecord = {
    pk: randomUUID(),
    num_pk: 10_000 + state.groups.size,
    name,
    is_superuser: options.is_superuser ?? false,
    attributes: options.attributes ?? {},
  }
  state.groups.set(group.pk, group)
  return group
}

export const addFlow = (
  state: State,
  given: Pick<FlowRecord, 'slug' | 'designation'> & Partial<Pick<FlowRecord, 'name' | 'title' | 'stages'>>,
): FlowRecord => {
  const flow: FlowRecord = {
    pk: randomUUID(),
    policybindingmodel_ptr_id: randomUUID(),
    slug: given.slug,
    name: given.name ?? given.slug,
    title: given.title ?? given.slug,
    designation: given.designation,
    stages: given.stages ?? [],
  }
  state.flows.set(flow.pk, flow)
  return flow
}

export const addInvitationStage = (state: State, name: string, continueWithout = false): InvitationStageRecord => {
  const stage = { pk: randomUUID(), name, continue_flow_without_invitation: continueWithout }
  state.invitationStages.set(stage.pk, stage)
  return stage
}

/** Makes an API token of a user. */
export const addToken = (state: State, user: number, token = randomBytes(30).toString('base64url')): string => {
  state.tokens.set(token, user)
  return token
}

/** Signs a user in, as a browser would. */
export const addSession = (state: State, user: number, now: number): SessionRecord => {
  const session = { uuid: randomUUID(), user, last_used: isoTime(now), expires: isoTime(now + 86_400_000) }
  state.sessions.set(session.uuid, session)
  return session
}

export const isSuperuser = (state: State, user: UserRecord): boolean =>
  Array.from(user.groups).some((pk) => state.groups.get(pk)?.is_superuser === true)

export const may = (state: State, user: UserRecord, permission: string): boolean =>
  isSuperuser(state, user) || user.permissions.has(permission)
