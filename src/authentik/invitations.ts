import { createHash } from 'node:crypto'
import type { JsonObject, Timestamp } from '../types.ts'
import type { Caller } from './call.ts'
import { type AuthentikFailure, type AuthentikResult, done } from './errors.ts'
import { invitationLink } from './links.ts'
import { type Flow, flowSchema, type Invitation, invitationSchema, invitationStageSchema } from './schemas.ts'
import { invitationName } from './text.ts'

/** The key in `fixed_data` that carries our nonce. Authentik drops keys without a prompt when it writes the user. */
export const nonceKey = 'gatehouse_nonce'

/**
 * Names an invitation without its key, which is what opens it (`itoken`): for places that are written down.
 * @param pk of the invitation
 */
export const fingerprintOf = (pk: string): string => createHash('sha256').update(pk).digest('hex').slice(0, 24)

/** How a flow treats invitations. */
export interface InvitationStages {
  /** An invitation stage is bound to the flow: without one, an invitation means nothing. */
  readonly bound: boolean
  /** Some such stage lets people through without an invitation: sign-up is open to all. */
  readonly openToAll: boolean
}

/** What a new invitation is made of. */
export interface NewInvitation {
  /** Label, made fit for Authentik; not unique. */
  readonly name: string
  readonly flow: Pick<Flow, 'pk'>
  /** Always sent: without it Authentik takes half an hour, not "never". */
  readonly expires: Timestamp
  readonly singleUse: boolean
  /** Finds the invitation again when the answer got lost. */
  readonly nonce: string
  /** What the sign-up form starts with. Nested `attributes` are written to the user; no secrets here. */
  readonly fixedData?: JsonObject
}

/** An invitation and the address that opens it. */
export interface InvitationWithLink {
  readonly invitation: Invitation
  readonly link: string
}

/** Calls about flows and invitations. */
export interface InvitationCalls {
  /** The flow of this slug; `not-found` if there is none. */
  getFlow(slug: string): Promise<AuthentikResult<Flow>>
  /** The same, and `invalid` unless it is an enrolment flow. */
  getEnrollmentFlow(slug: string): Promise<AuthentikResult<Flow>>
  /** `stage-not-visible` when the bot's role lacks `authentik_stages_invitation.view_invitationstage`. */
  getInvitationStages(flowSlug: string): Promise<AuthentikResult<InvitationStages>>
  /** Not idempotent: after `changed: 'maybe'` look for the nonce. */
  createInvitation(invitation: NewInvitation): Promise<AuthentikResult<InvitationWithLink>>
  /** Invitations that the bot may see, those of one flow if named; expired ones are among them. Used single-use ones are gone. */
  listInvitations(flowSlug?: string): Promise<AuthentikResult<readonly Invitation[]>>
  /**
   * The invitation with this nonce.
   * @param name the name it was made with, which saves reading all
   */
  findInvitationByNonce(nonce: string, name?: string): Promise<AuthentikResult<InvitationWithLink | undefined>>
  /** An invitation that is gone already counts as deleted. */
  deleteInvitation(pk: string): Promise<AuthentikResult<'deleted' | 'already-gone'>>
  /** The address of an invitation; undefined when it names no flow. */
  linkOf(invitation: Invitation): string | undefined
}

const stageNotVisible = (failure: AuthentikFailure): AuthentikFailure => ({
  ok: false,
  code: 'stage-not-visible',
  changed: failure.changed,
  text: "the bot's role in Authentik lacks authentik_stages_invitation.view_invitationstage, so it cannot check the invitation stage",
})

/** Builds the calls about flows and invitations. */
export const invitationCalls = (caller: Caller, publicUrl: string): InvitationCalls => {
  const path = '/stages/invitation/invitations/'

  const getFlow: InvitationCalls['getFlow'] = async (slug) => {
    if (slug === '') return { ok: false, code: 'not-found', changed: 'no', text: 'no flow is named' }
    return caller.ask({ method: 'GET', path: `/flows/instances/${encodeURIComponent(slug)}/`, route: 'flows/instances/get' }, flowSchema)
  }

  const linkOf: InvitationCalls['linkOf'] = (invitation) =>
    invitation.flow_obj === null || invitation.flow_obj === undefined
      ? undefined
      : invitationLink(publicUrl, invitation.flow_obj.slug, invitation.pk)

  const withLink = (invitation: Invitation, changed: 'no' | 'maybe'): AuthentikResult<InvitationWithLink> => {
    const link = linkOf(invitation)
    if (link !== undefined) return done({ invitation, link })
    return { ok: false, code: 'malformed', changed, text: 'the invitation in Authentik names no flow: it would open any of them' }
  }

  const list = (query: Record<string, string>) =>
    caller.list({ path, route: 'invitations/list', query: { ...query, ordering: '-expires' } }, invitationSchema, (one) => one.pk)

  return {
    getFlow,
    linkOf,
    getEnrollmentFlow: async (slug) => {
      const flow = await getFlow(slug)
      if (!flow.ok || flow.value.designation === 'enrollment') return flow
      const text = `the flow ${slug} is no enrolment flow but one for ${flow.value.designation}`
      return { ok: false, code: 'invalid', changed: 'no', fields: { flow: [text] }, text }
    },
    getInvitationStages: async (flowSlug) => {
      const stages = await caller.list(
        { path: '/stages/invitation/stages/', route: 'invitations/stages', query: { no_flows: false, ordering: 'name' } },
        invitationStageSchema,
        (stage) => stage.pk,
      )
      if (!stages.ok) return stages.code === 'no-permission' ? stageNotVisible(stages) : stages
      const here = stages.value.filter((stage) => stage.flow_set.some((flow) => flow.slug === flowSlug))
      return done({ bound: here.length > 0, openToAll: here.some((stage) => stage.continue_flow_without_invitation) })
    },
    createInvitation: async (wish) => {
      const body = {
        name: invitationName(wish.name),
        flow: wish.flow.pk,
        expires: new Date(wish.expires).toISOString(),
        single_use: wish.singleUse,
        fixed_data: { ...wish.fixedData, [nonceKey]: wish.nonce },
      }
      const result = await caller.ask({ method: 'POST', path, route: 'invitations/create', body }, invitationSchema)
      return result.ok ? withLink(result.value, 'maybe') : result
    },
    listInvitations: (flowSlug) => list(flowSlug === undefined || flowSlug === '' ? {} : { flow__slug: flowSlug }),
    findInvitationByNonce: async (nonce, name) => {
      const found = await list(name === undefined ? {} : { name: invitationName(name) })
      if (!found.ok) return found
      const match = found.value.find((one) => Object.hasOwn(one.fixed_data, nonceKey) && one.fixed_data[nonceKey] === nonce)
      return match === undefined ? done(undefined) : withLink(match, 'no')
    },
    deleteInvitation: async (pk) => {
      const result = await caller.tell({
        method: 'DELETE',
        path: `${path}${encodeURIComponent(pk)}/`,
        route: 'invitations/delete',
        repeatable: true,
      })
      if (result.ok) return done('deleted')
      return result.code === 'not-found' ? done('already-gone') : result
    },
  }
}
