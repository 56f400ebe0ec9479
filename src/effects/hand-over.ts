import type { EffectHandler } from '../chat/execute.ts'
import type { Directory } from '../directory/directory.ts'
import type { Links } from '../directory/links.ts'
import { messageContent } from '../matrix/message.ts'
import { transactionId } from '../matrix/outbox.ts'
import { mintCredentials } from '../onboarding/credentials.ts'
import type { DeliveryPorts } from '../onboarding/deliver-credentials.ts'
import { handOverObstacle } from '../onboarding/hand-over.ts'
import type { OtherHandsPorts } from '../onboarding/hand-over.ts'
import { codeLifetimeMs, pendingWish } from '../onboarding/pending-links.ts'
import type { PendingLinks } from '../onboarding/pending-links.ts'
import type { Mailed } from '../onboarding/recovery-email.ts'
import { durationWords } from '../operations/durations.ts'
import { accountOf } from './accounts.ts'

export interface HandOverEffectOptions extends Omit<DeliveryPorts, 'directory' | 'crypto' | 'holderProblem'>, OtherHandsPorts {
  readonly directory: Pick<Directory, 'membership' | 'ownUserId'>
  readonly pending: PendingLinks
  readonly links: Pick<Links, 'ofAccount'>
  readonly email: (account: { readonly pk: number }) => Promise<Mailed>
  /** A new code, kept as a hash only. */
  readonly newCode: () => string
  /** The INDOC room as people enter it. */
  readonly indoc: string
}

/**
 * Gives the moderator who asked what somebody without a Matrix user needs: the way to sign in (unless Authentik could e-mail it) and the code by
 * which that person proves later which Matrix user is theirs. Key: the account; made in the delivery, stored nowhere but as a hash. Doing it again
 * makes a new code, and the old one is void.
 */
export const createHandOverEffect = (options: HandOverEffectOptions): EffectHandler<'account.hand-over'> => ({
  act: async (effect, context) => {
    const pk = accountOf(effect.account, context.outcomes)
    if (pk === undefined) return { state: 'failed', code: 'no-account', text: 'there is no account to do this with' }
    const { username } = effect.account
    const account = { pk, username }
    if (options.links.ofAccount(pk) !== undefined)
      return { state: 'skipped', code: 'already-linked', text: 'is linked to a Matrix user already' }
    if (effect.again !== true && options.pending.of(pk)?.handedOver === true)
      return { state: 'skipped', code: 'already-handed-over', text: `was handed over already; \`!reset ${username}\` makes a new one` }
    const later = `then \`!reset ${username}\` hands it over`
    const keep = (code: string | undefined): void =>
      options.pending.keep({ account, name: effect.name, wish: pendingWish.parse(effect.wish), askedBy: effect.deliverTo }, code)
    // The account waits for its person all the same.
    const failed = (text: string) =>
      ({ state: 'failed', code: 'not-handed-over', text: `${text}; ${later}`, also: () => keep(undefined) }) as const
    // An account that was there before may belong to somebody by now: its credentials are for nobody else's hands.
    if ('pk' in effect.account) {
      const obstacle = await handOverObstacle(options, account)
      if (obstacle?.code === 'unknown') return failed(obstacle.text)
      if (obstacle !== undefined) return { state: obstacle.code === 'account-in-use' ? 'skipped' : 'failed', ...obstacle }
    }
    const room = await options.directRooms.open(effect.deliverTo)
    if (!room.ok) return failed(`no direct chat with you could be opened: ${room.words}`)
    if (options.directory.membership(room.roomId, effect.deliverTo) !== 'join')
      return failed('you have not joined the direct chat with me, where I have invited you: join it')
    const mailed = await options.email(account)
    const minted = mailed === 'sent' ? undefined : await mintCredentials(options, account)
    if (minted?.ok === false) return failed(minted.text)
    const code = options.newCode()
    options.onSecret(code)
    const text = options.templates.render('hand-over', {
      name: effect.name,
      username,
      code,
      expires: durationWords(codeLifetimeMs),
      botId: options.directory.ownUserId,
      indoc: options.indoc,
      ...(minted === undefined ? { mailed: 'Authentik has sent them' } : minted.values),
    })
    // The code is another one at each try, so the message is too.
    const sent = await options.outbox.send(
      {
        txnId: transactionId(`effect-${context.key}`, `hand-over-${options.clock.now()}`),
        roomId: room.roomId,
        type: 'm.room.message',
        content: messageContent(text, 'm.text'),
      },
      true,
    )
    if (!sent.ok && sent.code !== 'unknown') return failed(sent.words)
    const also = (): void => keep(code)
    if (!sent.ok)
      return { state: 'unknown', code: 'unknown', text: 'whether it reached you could not be proven: look into our direct chat', also }
    const what =
      mailed === 'sent' ? 'Authentik e-mailed their link; the code is in our direct chat, for you to hand over' : 'sent to you by DM'
    return { state: 'done', code: 'done', text: what, also }
  },
  probe: () => Promise.resolve('absent'),
})
