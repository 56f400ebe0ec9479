import type { Authentik } from '../authentik/client.ts'
import { fingerprintOf } from '../authentik/invitations.ts'
import type { InvitationWithLink } from '../authentik/invitations.ts'
import type { Effect } from '../chat/effects.ts'
import type { EffectContext, EffectHandler, EffectResult } from '../chat/execute.ts'
import { messageContent } from '../matrix/message.ts'
import type { DirectRooms } from '../matrix/direct-rooms.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { Templates } from '../onboarding/templates.ts'
import type { JsonObject } from '../types.ts'

export interface InvitationEffectOptions {
  readonly authentik: Authentik
  readonly directRooms: DirectRooms
  readonly outbox: Pick<Outbox, 'send'>
  readonly templates: Templates
  readonly onSecret: (secret: string) => void
}

type Create = Extract<Effect, { kind: 'invitation.create' }>

/**
 * Effects on invitations. Key: the nonce in `fixed_data`. The link is a secret: it exists in memory only, goes by encrypted DM to the person meant,
 * and is read from Authentik again when the delivery has to be repeated.
 */
export const createInvitationEffects = (
  options: InvitationEffectOptions,
): {
  readonly 'invitation.create': EffectHandler<'invitation.create'>
  readonly 'invitation.delete': EffectHandler<'invitation.delete'>
} => {
  const { authentik } = options

  const deliver = async (effect: Create, made: InvitationWithLink, context: EffectContext): Promise<EffectResult> => {
    options.onSecret(made.link)
    const undelivered = (why: string): EffectResult => ({
      state: 'failed',
      code: 'not-delivered',
      text: `the invitation was made, but its link could not be sent to ${effect.deliverTo}: ${why}. Take it back with \`!revoke ${effect.name}\``,
    })
    const room = await options.directRooms.open(effect.deliverTo)
    if (!room.ok) return undelivered(room.words)
    const text = options.templates.render('invitation', {
      invitation: effect.name,
      invitationUrl: made.link,
      expires: effect.expires.slice(0, 16).replace('T', ' ').concat(' UTC'),
      uses: effect.singleUse ? 'once' : 'any number of times',
    })
    const message = {
      txnId: transactionId(`effect-${context.key}`, 'invitation'),
      roomId: room.roomId,
      type: 'm.room.message',
      content: messageContent(text, 'm.text'),
    }
    const sent = await options.outbox.send(message, true)
    if (sent.ok) return { state: 'done', code: 'done', text: '' }
    return sent.code === 'unknown'
      ? { state: 'unknown', code: 'unknown', text: `whether the link reached ${effect.deliverTo} could not be proven` }
      : undelivered(sent.words)
  }

  const find = async (effect: Create, context: EffectContext): Promise<EffectResult | 'absent' | 'unknown'> => {
    const found = await authentik.findInvitationByNonce(effect.nonce, effect.name)
    if (!found.ok) return 'unknown'
    return found.value === undefined ? 'absent' : deliver(effect, found.value, context)
  }

  return {
    'invitation.create': {
      act: async (effect, context) => {
        const made = await authentik.createInvitation({
          name: effect.name,
          flow: { pk: effect.flow.pk },
          expires: Date.parse(effect.expires),
          singleUse: effect.singleUse,
          nonce: effect.nonce,
          fixedData: effect.fixedData as JsonObject,
        })
        if (made.ok) return deliver(effect, made.value, context)
        if (made.changed === 'no') return { state: 'failed', code: made.code, text: made.text }
        const found = await find(effect, context)
        if (found === 'absent') return { state: 'failed', code: made.code, text: made.text }
        return found === 'unknown'
          ? { state: 'unknown', code: made.code, text: `${made.text}; whether the invitation was made could not be found out` }
          : found
      },
      probe: find,
    },
    'invitation.delete': {
      act: async (effect) => {
        const listed = await authentik.listInvitations()
        if (!listed.ok) return { state: 'failed', code: listed.code, text: listed.text }
        const found = listed.value.find((invitation) => fingerprintOf(invitation.pk) === effect.fingerprint)
        if (found === undefined) return { state: 'skipped', code: 'already-gone', text: 'was gone already (used or deleted)' }
        const result = await authentik.deleteInvitation(found.pk)
        if (!result.ok) return { state: result.changed === 'maybe' ? 'unknown' : 'failed', code: result.code, text: result.text }
        return result.value === 'deleted'
          ? { state: 'done', code: 'done', text: '' }
          : { state: 'skipped', code: 'already-gone', text: 'was gone already (used or deleted)' }
      },
      probe: () => Promise.resolve('absent'),
    },
  }
}
