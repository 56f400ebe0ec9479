import { randomUUID } from 'node:crypto'
import type { Context, Route } from './context.ts'
import { checkFields, dictionary, flag, integer, isUuid, reference, slug, text, time } from './fields.ts'
import { order, paginate, search } from './listing.ts'
import { denied, json, methodNotAllowed, noContent, notFound, type Reply } from './reply.ts'
import { addGroup, isoTime, may } from './state.ts'
import { autocompleteView, flowView, groupView, invitationStageView, invitationView, sessionView } from './views.ts'

const member = (context: Context, groupPk: string, action: 'add_user' | 'remove_user'): Reply => {
  const { state, caller } = context
  if (!may(state, caller, action === 'add_user' ? 'authentik_core.add_user_to_group' : 'authentik_core.remove_user_from_group'))
    return denied
  if (!isUuid(groupPk)) return notFound()
  const group = state.groups.get(groupPk)
  if (group === undefined) return notFound('Group')
  const checked = checkFields(context.body ?? {}, { pk: integer }, ['pk'])
  if (!checked.ok) return json(400, checked.errors)
  const user = may(state, caller, 'authentik_core.view_user') ? state.users.get(checked.values.pk ?? -1) : undefined
  if (user === undefined) return notFound()
  if (action === 'add_user') user.groups.add(group.pk)
  else user.groups.delete(group.pk)
  return noContent
}

const listGroups = (context: Context): Reply => {
  const { state, query, caller } = context
  if (!may(state, caller, 'authentik_core.view_group')) return denied
  let groups = Array.from(state.groups.values())
  const name = query.get('name')
  if (name !== null && name !== '') groups = groups.filter((group) => group.name === name)
  const matches = search(
    groups,
    query.get('search'),
    ['name'],
    context.version === '2026.2.2' ? undefined : ['name', 'is_superuser', 'attributes'],
  )
  if (!Array.isArray(matches)) return matches
  const sorted = order(order(matches, 'name', ['name']), query.get('ordering'), ['name', 'is_superuser'])
  return paginate(sorted, query, (group) => groupView(state, group, query.get('include_users') !== 'false'), autocompleteView('group'))
}

const createGroup = (context: Context): Reply => {
  const { state, caller } = context
  if (!may(state, caller, 'authentik_core.add_group')) return denied
  const checked = checkFields(context.body ?? {}, { name: text(), attributes: dictionary, is_superuser: flag }, ['name'])
  if (!checked.ok) return json(400, checked.errors)
  const name = checked.values.name ?? ''
  if (Array.from(state.groups.values()).some((group) => group.name === name))
    return json(400, { name: ['Group with this name already exists.'] })
  const { attributes = {}, is_superuser = false } = checked.values
  return json(201, groupView(state, addGroup(state, name, { attributes, is_superuser }), true))
}

/** `/core/groups/` and below. */
export const groupRoutes: Route = (context) => {
  const { state, method, segments, caller, query } = context
  const [area, kind, id, action] = segments
  if (area !== 'core' || kind !== 'groups' || segments.length > 4) return undefined
  if (id === undefined) return method === 'GET' ? listGroups(context) : method === 'POST' ? createGroup(context) : methodNotAllowed(method)
  if (action === 'add_user' || action === 'remove_user') return method === 'POST' ? member(context, id, action) : methodNotAllowed(method)
  if (action !== undefined) return undefined
  if (method !== 'GET') return methodNotAllowed(method)
  if (!may(state, caller, 'authentik_core.view_group')) return denied
  const group = state.groups.get(id)
  if (group === undefined) return isUuid(id) ? notFound('Group') : notFound()
  return json(200, groupView(state, group, query.get('include_users') !== 'false'))
}

const designations = ['authentication', 'authorization', 'invalidation', 'enrollment', 'unenrollment', 'recovery', 'stage_configuration']

/** `/flows/instances/`, addressed by slug. */
export const flowRoutes: Route = (context) => {
  const { state, method, segments, caller, query } = context
  const [area, kind, id] = segments
  if (area !== 'flows' || kind !== 'instances' || segments.length > 3) return undefined
  if (method !== 'GET') return methodNotAllowed(method)
  if (!may(state, caller, 'authentik_flows.view_flow')) return denied
  const flows = Array.from(state.flows.values())
  if (id !== undefined) {
    const flow = flows.find((one) => one.slug === id)
    return flow === undefined ? notFound('Flow') : json(200, flowView(flow))
  }
  const designation = query.get('designation')
  if (designation !== null && designation !== '' && !designations.includes(designation)) {
    return json(400, { designation: [`Select a valid choice. ${designation} is not one of the available choices.`] })
  }
  const shown = flows.filter((flow) =>
    (['slug', 'designation', 'name'] as const).every((name) => {
      const wanted = query.get(name)
      return wanted === null || wanted === '' || flow[name] === wanted
    }),
  )
  return paginate(order(shown, query.get('ordering') ?? 'slug', ['slug', 'name']), query, flowView, autocompleteView('none'))
}

const createInvitation = (context: Context): Reply => {
  const { state, caller, now } = context
  if (!may(state, caller, 'authentik_stages_invitation.add_invitation')) return denied
  const checks = { name: slug, expires: time, fixed_data: dictionary, single_use: flag, flow: reference(state.flows) }
  const checked = checkFields(context.body ?? {}, checks, ['name'])
  if (!checked.ok) return json(400, checked.errors)
  const { name = '', expires, fixed_data = {}, single_use = false, flow = null } = checked.values
  const pk = randomUUID()
  const invitation = {
    pk,
    name,
    // Absent or null is not "never" but the tenant's default, half an hour.
    expires: typeof expires === 'number' ? isoTime(expires).replace('.000000Z', 'Z') : isoTime(now + 30 * 60_000),
    fixed_data,
    single_use,
    flow,
    created_by: caller.pk,
  }
  state.invitations.set(pk, invitation)
  return json(201, invitationView(state, invitation))
}

const listInvitations = (context: Context): Reply => {
  const { state, query, caller } = context
  if (!may(state, caller, 'authentik_stages_invitation.view_invitation')) return denied
  const [name, flowSlug, creator] = [query.get('name'), query.get('flow__slug'), query.get('created_by__username')]
  const shown = Array.from(state.invitations.values()).filter(
    (one) =>
      (name === null || name === '' || one.name === name) &&
      (flowSlug === null || flowSlug === '' || (one.flow !== null && state.flows.get(one.flow)?.slug === flowSlug)) &&
      (creator === null || creator === '' || state.users.get(one.created_by)?.username === creator),
  )
  return paginate(
    order(shown, query.get('ordering') ?? '-expires', ['expires', 'name']),
    query,
    (one) => invitationView(state, one),
    autocompleteView('none'),
  )
}

/** `/stages/invitation/`: invitations and the stages that ask for them. */
export const invitationRoutes: Route = (context) => {
  const { state, method, segments, caller, query } = context
  const [area, kind, what, id] = segments
  if (area !== 'stages' || kind !== 'invitation' || segments.length > 4) return undefined
  if (what === 'stages' && id === undefined) {
    if (method !== 'GET') return methodNotAllowed(method)
    if (!may(state, caller, 'authentik_stages_invitation.view_invitationstage')) return denied
    const views = Array.from(state.invitationStages.values(), (stage) => invitationStageView(state, stage))
    const shown = query.get('no_flows') === 'false' ? views.filter((stage) => stage.flow_set.length > 0) : views
    return paginate(order(shown, 'name', ['name']), query, (stage) => stage, autocompleteView('none'))
  }
  if (what !== 'invitations') return undefined
  if (id === undefined) {
    return method === 'GET' ? listInvitations(context) : method === 'POST' ? createInvitation(context) : methodNotAllowed(method)
  }
  const right = method === 'GET' ? 'view_invitation' : method === 'DELETE' ? 'delete_invitation' : undefined
  if (right === undefined) return methodNotAllowed(method)
  if (!may(state, caller, `authentik_stages_invitation.${right}`)) return denied
  const invitation = state.invitations.get(id)
  if (invitation === undefined) return isUuid(id) ? notFound('Invitation') : notFound()
  if (method === 'GET') return json(200, invitationView(state, invitation))
  state.invitations.delete(id)
  return noContent
}

/** `/core/authenticated_sessions/`. Without the right one silently sees only one's own. */
export const sessionRoutes: Route = (context) => {
  const { state, method, segments, caller, query } = context
  const [area, kind, id] = segments
  if (area !== 'core' || kind !== 'authenticated_sessions' || segments.length > 3) return undefined
  const right = (verb: 'view' | 'delete') => may(state, caller, `authentik_core.${verb}_authenticatedsession`)
  const sessions = Array.from(state.sessions.values())
  if (id === undefined) {
    if (method !== 'GET') return methodNotAllowed(method)
    const username = query.get('user__username')
    const shown = sessions.filter(
      (one) =>
        (right('view') || one.user === caller.pk) &&
        (username === null || username === '' || state.users.get(one.user)?.username === username),
    )
    return paginate(shown, query, sessionView, autocompleteView('none'))
  }
  if (method !== 'DELETE') return methodNotAllowed(method)
  if (id === 'bulk_delete') {
    if (!right('delete')) return denied
    const users = query.getAll('user_pks').map(Number)
    const gone = sessions.filter((one) => users.includes(one.user))
    for (const session of gone) state.sessions.delete(session.uuid)
    // Counts cascaded rows: the session itself and the row of Django's store.
    return json(200, { deleted: gone.length * 2 })
  }
  if (!right('delete')) return denied
  return state.sessions.delete(id) ? noContent : notFound('AuthenticatedSession')
}
