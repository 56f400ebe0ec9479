import { randomBytes } from 'node:crypto'
import type { Context, Route } from './context.ts'
import { checkFields, dictionary, email, flag, integer, isUuid, text, time, userPath, type Check } from './fields.ts'
import { flagFilter, order, paginate, search } from './listing.ts'
import { crash, denied, json, methodNotAllowed, noContent, notFound, type Reply } from './reply.ts'
import { addUser, isoTime, may, type UserRecord } from './state.ts'
import { autocompleteView, meView, userView } from './views.ts'

const userTypes = ['internal', 'external', 'service_account', 'internal_service_account']

const userType: Check<string> = (value) => {
  const checked = text()(value)
  if ('error' in checked) return checked
  if (!userTypes.includes(checked.value)) return { error: `"${checked.value}" is not a valid choice.` }
  return checked.value === 'internal_service_account' ? { error: 'Setting a user to internal service account is not allowed.' } : checked
}

const groupList =
  (known: ReadonlyMap<string, unknown>): Check<string[]> =>
  (value) => {
    if (!Array.isArray(value)) return { error: `Expected a list of items but got type "${typeof value}".` }
    for (const one of value.map(String)) {
      if (!isUuid(one)) return { error: `“${one}” is not a valid UUID.` }
      if (!known.has(one)) return { error: `Invalid pk "${one}" - object does not exist.` }
    }
    return { value: value.map(String) }
  }

const userChecks = (context: Context, self: UserRecord | undefined) => ({
  username: ((value) => {
    const checked = text({ max: 150 })(value)
    if ('error' in checked) return checked
    // Exact, so that names differing in letter case live side by side.
    const taken = Array.from(context.state.users.values()).some((user) => user !== self && user.username === checked.value)
    return taken ? { error: 'This field must be unique.' } : checked
  }) satisfies Check<string>,
  name: text({ blank: true }),
  email,
  is_active: flag,
  path: userPath,
  type: userType,
  attributes: dictionary,
  groups: groupList(context.state.groups),
  last_login: time,
})

const apply = (context: Context, user: UserRecord, values: Record<string, unknown>): void => {
  const { groups, last_login: _never, ...plain } = values
  Object.assign(user, plain)
  if (Array.isArray(groups)) {
    user.groups.clear()
    for (const pk of groups as string[]) user.groups.add(pk)
  }
  user.last_updated = isoTime(context.now)
}

const include = (query: URLSearchParams) => ({
  groups: query.get('include_groups') !== 'false',
  roles: query.get('include_roles') !== 'false',
})

const list = (context: Context): Reply => {
  const { state, query, version } = context
  if (!may(state, context.caller, 'authentik_core.view_user')) return denied
  let users = Array.from(state.users.values())
  const active = flagFilter(query.get('is_active'))
  if (active !== undefined) users = users.filter((user) => user.is_active === active)
  for (const name of ['username', 'email', 'name', 'path'] as const) {
    const wanted = query.get(name)
    // An empty value is no filter: everybody is returned.
    if (wanted === null || wanted === '') continue
    if (wanted.includes('\0')) return json(400, { [name]: ['Null characters are not allowed.'] })
    users = users.filter((user) => user[name] === wanted)
  }
  const types = query.getAll('type')
  const unknown = types.find((type) => !userTypes.includes(type))
  if (unknown !== undefined) return json(400, { type: [`Select a valid choice. ${unknown} is not one of the available choices.`] })
  if (types.length > 0) users = users.filter((user) => types.includes(user.type))
  const groupNames = query.getAll('groups_by_name')
  for (const name of groupNames) {
    const group = Array.from(state.groups.values()).find((one) => one.name === name)
    if (group === undefined) return json(400, { groups_by_name: [`Select a valid choice. ${name} is not one of the available choices.`] })
    users = users.filter((user) => user.groups.has(group.pk))
  }
  const matches = search(
    users,
    query.get('search'),
    ['email', 'name', 'uuid', 'username'],
    version === '2026.2.2' ? undefined : ['username', 'name', 'email', 'path', 'is_active', 'type', 'attributes'],
  )
  if (!Array.isArray(matches)) return matches
  const sorted = order(order(matches, 'username', ['username']), query.get('ordering'), [
    'pk',
    'username',
    'name',
    'email',
    'date_joined',
    'last_updated',
  ])
  return paginate(sorted, query, (user) => userView(state, user, include(query)), autocompleteView('user'))
}

const create = (context: Context): Reply => {
  const { state, caller, now } = context
  if (!may(state, caller, 'authentik_core.add_user')) return denied
  const checked = checkFields(context.body ?? {}, userChecks(context, undefined), ['username', 'name'])
  if (!checked.ok) return json(400, checked.errors)
  const user = addUser(state, { username: checked.values.username ?? '' }, now)
  apply(context, user, checked.values)
  return json(201, userView(state, user))
}

const recovery = (context: Context, user: UserRecord | undefined): Reply => {
  const { state, caller, now } = context
  if (!may(state, caller, 'authentik_core.reset_user_password') || !may(state, caller, 'authentik_core.add_user')) return denied
  // Asked before the user is looked up: an unknown user gets this answer too.
  if (state.recoveryFlow === null) return json(400, { non_field_errors: 'No recovery flow set.' })
  if (user === undefined) return notFound('User')
  const checked = checkFields(context.body ?? {}, { token_duration: text() }, [])
  if (!checked.ok) return json(400, checked.errors)
  const duration = checked.values.token_duration ?? 'minutes=30'
  const units: Record<string, number> = { weeks: 604_800, days: 86_400, hours: 3_600, minutes: 60, seconds: 1 }
  let seconds = 0
  for (const part of duration.split(';')) {
    const match = /^(weeks|days|hours|minutes|seconds)=(\d+(?:\.\d+)?)$/.exec(part)
    if (match === null) return crash('POST')
    seconds += (units[match[1] ?? ''] ?? 0) * Number(match[2])
  }
  const expires = isoTime(now + seconds * 1000)
  const known = state.recoveryKeys.get(user.pk)
  const key = known?.key ?? randomBytes(30).toString('base64url')
  state.recoveryKeys.set(user.pk, { key, expires })
  return json(200, { link: `${context.origin}/if/flow/${state.recoveryFlow}/?flow_token=${key}` })
}

/** The e-mail itself is not written: `state.recoveryMails` says who would have got one. */
const recoveryEmail = (context: Context, user: UserRecord | undefined): Reply => {
  const { state, caller } = context
  if (!may(state, caller, 'authentik_core.reset_user_password') || !may(state, caller, 'authentik_core.add_user')) return denied
  if (user === undefined) return notFound('User')
  const checked = checkFields(context.body ?? {}, { email_stage: text(), token_duration: text() }, ['email_stage'])
  if (!checked.ok) return json(400, checked.errors)
  if (user.email === '') return json(400, { non_field_errors: 'User does not have an email address set.' })
  if (checked.values.email_stage !== state.emailStage) return json(400, { non_field_errors: 'Email stage not found.' })
  state.recoveryMails.push(user.email)
  return noContent
}

const setPassword = (context: Context, user: UserRecord | undefined): Reply => {
  const { state, caller } = context
  if (!may(state, caller, 'authentik_core.reset_user_password') || !may(state, caller, 'authentik_core.view_user')) return denied
  if (user === undefined) return notFound('User')
  const checked = checkFields(context.body ?? {}, { password: text() }, ['password'])
  if (!checked.ok) return json(400, checked.errors)
  user.password = checked.values.password
  user.password_change_date = isoTime(context.now)
  return noContent
}

const patch = (context: Context, user: UserRecord | undefined): Reply => {
  const { state, caller } = context
  if (!may(state, caller, 'authentik_core.change_user')) return denied
  if (user === undefined) return notFound('User')
  const checked = checkFields(context.body ?? {}, userChecks(context, user), [])
  if (!checked.ok) return json(400, checked.errors)
  apply(context, user, checked.values)
  if (checked.values.is_active === false) {
    for (const session of state.sessions.values()) if (session.user === user.pk) state.sessions.delete(session.uuid)
  }
  return json(200, userView(state, user))
}

const remove = (context: Context, user: UserRecord | undefined): Reply => {
  const { state, caller } = context
  if (!may(state, caller, 'authentik_core.delete_user')) return denied
  if (user === undefined) return notFound('User')
  state.users.delete(user.pk)
  for (const invitation of state.invitations.values()) if (invitation.created_by === user.pk) state.invitations.delete(invitation.pk)
  for (const [token, owner] of state.tokens) if (owner === user.pk) state.tokens.delete(token)
  return noContent
}

/** `/core/users/` and below, and the version. */
export const userRoutes: Route = (context) => {
  const { state, method, segments, caller } = context
  const [area, kind, id, action, ...more] = segments
  if (area === 'admin' && kind === 'version' && segments.length === 2) {
    const version = context.version
    if (method !== 'GET') return methodNotAllowed(method)
    return json(200, {
      version_current: version,
      version_latest: version,
      version_latest_valid: true,
      build_hash: '',
      outdated: false,
      outpost_outdated: false,
    })
  }
  if (area !== 'core' || kind !== 'users' || more.length > 0) return undefined
  if (id === undefined) return method === 'GET' ? list(context) : method === 'POST' ? create(context) : methodNotAllowed(method)
  if (id === 'me' && action === undefined) return method === 'GET' ? json(200, meView(state, caller)) : methodNotAllowed(method)
  const pk = integer(id)
  if ('error' in pk) return notFound()
  const user = state.users.get(pk.value)
  if (action === 'recovery') return method === 'POST' ? recovery(context, user) : methodNotAllowed(method)
  if (action === 'recovery_email') return method === 'POST' ? recoveryEmail(context, user) : methodNotAllowed(method)
  if (action === 'set_password') return method === 'POST' ? setPassword(context, user) : methodNotAllowed(method)
  if (action !== undefined) return undefined
  if (method === 'GET') {
    if (!may(state, caller, 'authentik_core.view_user')) return denied
    return user === undefined ? notFound('User') : json(200, userView(state, user))
  }
  if (method === 'PATCH') return patch(context, user)
  return method === 'DELETE' ? remove(context, user) : methodNotAllowed(method)
}
