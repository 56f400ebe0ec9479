import type { Authentik } from '../authentik/client.ts'
import { paragraph } from '../chat/answer.ts'
import type { Block } from '../chat/answer.ts'
import { renderBlocks } from '../chat/render.ts'
import type { DirectRooms } from '../matrix/direct-rooms.ts'
import { messageContent } from '../matrix/message.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { Clock } from '../operations/clock.ts'
import type { UserId } from '../types.ts'
import { mintCredentials } from './credentials.ts'
import type { CredentialPorts, Credentials } from './credentials.ts'

/** What came of giving something to a moderator. */
export type HandedOver = { readonly ok: true } | { readonly ok: false; readonly final: boolean; readonly words: string }

export interface HandOverPorts extends CredentialPorts {
  readonly directRooms: Pick<DirectRooms, 'open'>
  readonly outbox: Pick<Outbox, 'send'>
  readonly clock: Pick<Clock, 'now'>
}

/** What has to be known of an account before its credentials are given to anybody but its person. */
export interface OtherHandsPorts {
  readonly lookUp: Pick<Authentik, 'getUser'>
  /** Why only an admin may touch an account, in words that follow "it"; undefined = it is anybody's. */
  readonly protectedAccount: (pk: number) => string | undefined
}

/** Why credentials of an account are for nobody else's hands. `unknown` = Authentik did not tell. */
export interface HandOverObstacle {
  readonly code: 'account-in-use' | 'protected-account' | 'account-inactive' | 'unknown'
  readonly text: string
}

/**
 * May credentials of this account be given to a moderator, to hand over? Not when it belongs to somebody by now, gives power or is disabled: whoever
 * holds them could sign in as its person. Asks Authentik.
 */
export const handOverObstacle = async (
  { lookUp, protectedAccount }: OtherHandsPorts,
  { pk, username }: { readonly pk: number; readonly username: string },
): Promise<HandOverObstacle | undefined> => {
  const user = await lookUp.getUser(pk)
  if (!user.ok) return { code: 'unknown', text: user.text }
  if ((user.value.last_login ?? null) !== null)
    return { code: 'account-in-use', text: 'somebody signs in with it already, who can choose a new password on the sign-in page' }
  const guarded = user.value.is_superuser ? 'is a superuser of Authentik' : protectedAccount(pk)
  if (guarded !== undefined) return { code: 'protected-account', text: `the account ${username} ${guarded}. Ask an admin` }
  return user.value.is_active ? undefined : { code: 'account-inactive', text: `the account ${username} is disabled. Ask an admin` }
}

export interface HandOverNote {
  /** Who is not reached, by name. */
  readonly name: string
  readonly account: { readonly pk: number; readonly username: string } | undefined
  /** Who gives it to them. */
  readonly moderator: UserId
  /** Why nobody else can. */
  readonly reason: string
  /** Stable for the note: with the same credentials it is the same event for the server. */
  readonly key: string
}

/**
 * Gives a moderator what a person cannot be sent, by encrypted DM and nowhere else, to be handed over by hand. Credentials are made in the delivery and
 * never stored.
 */
export const handOver = async (ports: HandOverPorts, note: HandOverNote): Promise<HandedOver> => {
  const room = await ports.directRooms.open(note.moderator)
  if (!room.ok) return { ok: false, final: room.code === 'refused', words: room.words }
  const minted = note.account === undefined ? undefined : await mintCredentials(ports, note.account)
  if (minted?.ok === false) return { ok: false, final: minted.final, words: minted.text }
  const text = renderBlocks(noteBlocks(note, minted?.values))
  // A new passphrase makes the one before worthless, so it is a message of its own; a link stays the same until it is used.
  const part = minted !== undefined && 'passphrase' in minted.values ? `note-${ports.clock.now()}` : 'note'
  const sent = await ports.outbox.send(
    {
      txnId: transactionId(note.key, part),
      roomId: room.roomId,
      type: 'm.room.message',
      content: messageContent({ body: text.plain, formattedBody: text.html }, 'm.text'),
    },
    true,
  )
  return sent.ok ? { ok: true } : { ok: false, final: sent.code === 'refused' || sent.code === 'not-encryptable', words: sent.words }
}

const noteBlocks = ({ name, reason }: HandOverNote, credentials: Credentials | undefined): readonly Block[] => [
  paragraph({ bold: name }, ` could not be welcomed by me: ${reason}.`),
  ...(credentials === undefined
    ? [paragraph('Please welcome them yourself.')]
    : [
        paragraph(
          'Please give them this yourself, on a way that only they can read. Their username is ',
          { code: credentials.username },
          '.',
        ),
        'recoveryUrl' in credentials
          ? paragraph(
              `With this link they choose their password; it works once and for ${credentials.lifetime}: ${credentials.recoveryUrl}`,
            )
          : paragraph('Their passphrase: ', { code: credentials.passphrase }),
      ]),
]
