import {
  type FlowRecord,
  type GroupRecord,
  type InvitationRecord,
  isSuperuser,
  type SessionRecord,
  type State,
  type UserRecord,
} from './state.ts'

/** The JSON forms of the records, held to recordings of real servers. */

const avatar = '/static/dist/assets/images/user_default.png'

const partialGroup = (group: GroupRecord) => ({
  pk: group.pk,
  num_pk: group.num_pk,
  name: group.name,
  is_superuser: group.is_superuser,
  attributes: group.attributes,
})

const partialUser = (user: UserRecord) => ({
  pk: user.pk,
  username: user.username,
  name: user.name,
  is_active: user.is_active,
  last_login: user.last_login,
  email: user.email,
  attributes: user.attributes,
  uid: user.uid,
})

const groupsOf = (state: State, user: UserRecord): GroupRecord[] =>
  Array.from(user.groups).flatMap((pk) => {
    const group = state.groups.get(pk)
    return group === undefined ? [] : [group]
  })

export const userView = (state: State, user: UserRecord, include: { groups: boolean; roles: boolean } = { groups: true, roles: true }) => ({
  pk: user.pk,
  username: user.username,
  name: user.name,
  is_active: user.is_active,
  last_login: user.last_login,
  date_joined: user.date_joined,
  is_superuser: isSuperuser(state, user),
  groups: Array.from(user.groups),
  groups_obj: include.groups ? groupsOf(state, user).map(partialGroup) : null,
  roles: [],
  roles_obj: include.roles ? [] : null,
  email: user.email,
  avatar,
  attributes: user.attributes,
  uid: user.uid,
  path: user.path,
  type: user.type,
  uuid: user.uuid,
  password_change_date: user.password_change_date,
  last_updated: user.last_updated,
})

export const meView = (state: State, user: UserRecord) => ({
  user: {
    pk: user.pk,
    username: user.username,
    name: user.name,
    is_active: user.is_active,
    is_superuser: isSuperuser(state, user),
    groups: groupsOf(state, user).map(({ name, pk }) => ({ name, pk })),
    roles: [],
    email: user.email,
    avatar,
    uid: user.uid,
    settings: {},
    type: user.type,
    system_permissions: isSuperuser(state, user) ? ['access_admin_interface', 'view_system_info'] : [],
  },
})

export const groupView = (state: State, group: GroupRecord, includeUsers: boolean) => {
  const members = Array.from(state.users.values()).filter((user) => user.groups.has(group.pk))
  return {
    ...partialGroup(group),
    parents: [],
    parents_obj: null,
    users: members.map((user) => user.pk),
    users_obj: includeUsers ? members.map(partialUser) : null,
    roles: [],
    roles_obj: [],
    inherited_roles_obj: null,
    children: [],
    children_obj: null,
  }
}

const background = '/static/dist/assets/images/flow_background.jpg'

export const flowView = (flow: FlowRecord) => ({
  pk: flow.pk,
  policybindingmodel_ptr_id: flow.policybindingmodel_ptr_id,
  name: flow.name,
  slug: flow.slug,
  title: flow.title,
  designation: flow.designation,
  background: '',
  background_url: background,
  background_themed_urls: null,
  stages: flow.stages,
  policies: [],
  cache_count: 0,
  policy_engine_mode: 'any',
  compatibility_mode: false,
  export_url: `/api/v3/flows/instances/${flow.slug}/export/`,
  layout: 'stacked',
  denied_action: 'message_continue',
  authentication: 'require_unauthenticated',
})

export const invitationStageView = (state: State, stage: { pk: string; name: string; continue_flow_without_invitation: boolean }) => ({
  pk: stage.pk,
  name: stage.name,
  component: 'ak-stage-invitation-form',
  verbose_name: 'Invitation Stage',
  verbose_name_plural: 'Invitation Stages',
  meta_model_name: 'authentik_stages_invitation.invitationstage',
  flow_set: Array.from(state.flows.values())
    .filter((flow) => flow.stages.includes(stage.pk))
    .map((flow) => ({
      pk: flow.pk,
      policybindingmodel_ptr_id: flow.policybindingmodel_ptr_id,
      name: flow.name,
      slug: flow.slug,
      title: flow.title,
      designation: flow.designation,
      background_url: background,
      policy_engine_mode: 'any',
      compatibility_mode: false,
      export_url: `/api/v3/flows/instances/${flow.slug}/export/`,
      layout: 'stacked',
      denied_action: 'message_continue',
    })),
  continue_flow_without_invitation: stage.continue_flow_without_invitation,
})

export const invitationView = (state: State, invitation: InvitationRecord) => {
  const creator = state.users.get(invitation.created_by)
  const flow = invitation.flow === null ? undefined : state.flows.get(invitation.flow)
  if (creator === undefined) throw new Error('an invitation outlived its creator: the real server deletes both')
  return {
    pk: invitation.pk,
    name: invitation.name,
    expires: invitation.expires,
    fixed_data: invitation.fixed_data,
    created_by: partialUser(creator),
    single_use: invitation.single_use,
    flow: invitation.flow,
    flow_obj: flow === undefined ? null : flowView(flow),
  }
}

export const sessionView = (session: SessionRecord) => ({
  uuid: session.uuid,
  current: false,
  user_agent: {
    string: '',
    user_agent: { family: 'Other', major: null, minor: null, patch: null },
    os: { family: 'Other', major: null, minor: null, patch: null, patch_minor: null },
    device: { family: 'Other', brand: null, model: null },
  },
  geo_ip: null,
  asn: null,
  user: session.user,
  last_ip: '127.0.0.1',
  last_user_agent: '',
  last_used: session.last_used,
  expires: session.expires,
})

const text = { type: 'str', nullable: false, options: null }
const flag = { type: 'bool', nullable: true, options: null }

/** What lists of a model offer to the query language; `{}` for models without it. */
export const autocompleteView = (model: 'user' | 'group' | 'none'): Record<string, unknown> => {
  if (model === 'none') return {}
  const relation = { type: 'relation', nullable: false, options: null, relation: `authentik_core.${model}_attributes` }
  const fields =
    model === 'group'
      ? { name: text, is_superuser: flag, attributes: relation }
      : {
          username: text,
          name: text,
          email: text,
          path: text,
          is_active: flag,
          type: { ...text, options: ['internal', 'external', 'service_account', 'internal_service_account'] },
          attributes: relation,
        }
  return { current_model: `authentik_core.${model}`, models: { [`authentik_core.${model}`]: fields } }
}
