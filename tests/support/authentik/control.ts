import { z } from 'zod'
import type { Fault } from './faults.ts'
import { json, noContent, notFoundPage, type Reply } from './reply.ts'
import type { StandIn } from './stand-in.ts'
import { groupView, invitationView, userView } from './views.ts'

const faultSchema = z.object({
  method: z.string().optional(),
  pathPattern: z.string(),
  times: z.number().default(1),
  after: z.number().default(0),
  how: z.union([
    z.enum(['hang', 'reset', 'commit-then-drop']),
    z.object({
      status: z.int(),
      json: z.json().optional(),
      html: z.string().optional(),
      headers: z.record(z.string(), z.string()).optional(),
    }),
  ]),
})

/**
 * The control of a stand-in that runs as a process:
 * `GET state` (users, groups, invitations, sessions, faults left), `GET requests`, `DELETE requests`, `GET violations`,
 * `POST fail` with `{method?, pathPattern, times?, after?, how}`, `DELETE fail`.
 */
export const controlReply = (standIn: StandIn, faults: Fault[], method: string, url: URL, text: string): Reply => {
  const { state } = standIn
  switch (`${method} ${url.pathname.slice('/__control/'.length)}`) {
    case 'GET state':
      return json(200, {
        users: Array.from(state.users.values(), (user) => ({ ...userView(state, user), has_password: user.password !== undefined })),
        groups: Array.from(state.groups.values(), (group) => groupView(state, group, false)),
        invitations: Array.from(state.invitations.values(), (one) => invitationView(state, one)),
        sessions: Array.from(state.sessions.values()),
        recovery_links: state.recoveryKeys.size,
        faults: faults.filter((fault) => fault.left > 0).length,
      })
    case 'GET requests':
      return json(200, standIn.requests)
    case 'DELETE requests':
      standIn.requests.splice(0)
      return noContent
    case 'GET violations':
      return json(200, standIn.violations)
    case 'POST fail': {
      const fault = faultSchema.safeParse(JSON.parse(text))
      if (!fault.success) return json(400, { detail: z.prettifyError(fault.error) })
      standIn.failNext(fault.data as Parameters<StandIn['failNext']>[0])
      return noContent
    }
    case 'DELETE fail':
      standIn.clearFaults()
      return noContent
    default:
      return notFoundPage
  }
}
