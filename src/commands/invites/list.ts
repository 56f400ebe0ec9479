import type { Invitation } from '../../authentik/schemas.ts'
import type { Timestamp } from '../../types.ts'

/** The id of an invitation opens its link, so only its beginning is ever shown. */
export const shortId = (invitation: Pick<Invitation, 'pk'>): string => invitation.pk.replaceAll('-', '').slice(0, 8)

/** When an invitation runs out, for people. */
export const expiryWords = (invitation: Pick<Invitation, 'expires'>): string =>
  invitation.expires === null || invitation.expires === undefined
    ? 'never expires'
    : `until ${invitation.expires.slice(0, 16).replace('T', ' ')} UTC`

/** Is it still open? Authentik lists what has run out until it is swept away. */
export const isOpen = (invitation: Pick<Invitation, 'expires'>, now: Timestamp): boolean =>
  invitation.expires === null || invitation.expires === undefined || Date.parse(invitation.expires) > now

/** Who asked for it: what `!invite` wrote into the attributes of the account to come, else the account that made it. */
export const authorOf = (invitation: Pick<Invitation, 'fixed_data' | 'created_by'>): string => {
  const attributes = Object.hasOwn(invitation.fixed_data, 'attributes') ? invitation.fixed_data['attributes'] : undefined
  const written =
    typeof attributes === 'object' && attributes !== null && !Array.isArray(attributes) && Object.hasOwn(attributes, 'created_by')
      ? attributes['created_by']
      : undefined
  if (typeof written === 'string' && written.startsWith('gatehouse:')) return written.slice('gatehouse:'.length)
  return invitation.created_by?.username ?? 'unknown'
}
