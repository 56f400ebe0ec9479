import { fingerprint } from '../crypto/person-identities.ts'
import type { PersonIdentities } from '../crypto/person-identities.ts'
import { messageContent } from '../matrix/message.ts'
import { transactionId } from '../matrix/outbox.ts'
import type { Outbox } from '../matrix/outbox.ts'
import type { Logger } from '../operations/logger.ts'
import type { RoomId, UserId } from '../types.ts'
import { paragraph } from './answer.ts'
import type { Answer } from './answer.ts'
import type { Role } from './declaration.ts'
import type { Transport } from './incoming.ts'
import { renderAnswer } from './render.ts'

export interface IdentityGatePorts {
  readonly identities: PersonIdentities
  readonly outbox: Pick<Outbox, 'add' | 'kick'>
  readonly adminRoom: () => RoomId | undefined
  readonly roleOf: (userId: UserId) => Role
  /** The key that the server shows for somebody, as far as the crypto engine knows it. Makes no request. */
  readonly identityKey: (userId: UserId) => Promise<string | undefined>
  readonly nameOf: (userId: UserId) => string
  readonly prefix: string
  readonly logger: Logger
}

/**
 * Is it still the same person? A homeserver can give anybody a new identity and a device that it signs. So the identities of those who may command
 * are remembered; a new one has no power until an admin, or the operator at the machine, has approved it. The admins are told at once.
 */
export class IdentityGate {
  readonly #ports: IdentityGatePorts

  constructor(ports: IdentityGatePorts) {
    this.#ports = ports
  }

  /**
   * How far a message can be believed: what is signed by another identity than the one remembered is `identity-changed`. The first identity of
   * somebody with a role is remembered here.
   */
  believe(userId: UserId, role: Role, transport: Transport): Transport {
    if (!transport.encrypted || transport.trust !== 'signed' || transport.identityKey === undefined) return transport
    if (!this.#concerns(userId, role)) return transport
    return this.#see(userId, transport.identityKey) ? transport : { ...transport, trust: 'identity-changed' }
  }

  /** Looks at the identities that the server shows for people now; for those whose keys have just been read. */
  async look(userIds: readonly UserId[]): Promise<void> {
    for (const userId of new Set(userIds)) {
      if (!this.#concerns(userId, this.#ports.roleOf(userId))) continue
      const key = await this.#ports.identityKey(userId)
      if (key !== undefined) this.#see(userId, key)
    }
  }

  #concerns(userId: UserId, role: Role): boolean {
    return role !== 'everyone' || this.#ports.identities.of(userId) !== undefined
  }

  /** @returns whether it is the identity that is remembered */
  #see(userId: UserId, key: string): boolean {
    const { identities, logger } = this.#ports
    if (identities.see(userId, key) !== 'changed') return true
    const room = this.#ports.adminRoom()
    if (room === undefined) {
      logger.warn({ userId }, 'an identity has changed, and there is no admin room to tell it in')
      return false
    }
    const told = identities.tellOnce(userId, ({ masterKey, otherKey }) => {
      logger.warn({ userId, before: fingerprint(masterKey), now: fingerprint(otherKey) }, 'an identity has changed')
      const content = messageContent(renderAnswer(this.#alert(userId, masterKey, otherKey)), 'm.notice')
      this.#ports.outbox.add({ txnId: transactionId(`${userId} ${otherKey}`, 'identity'), roomId: room, type: 'm.room.message', content })
    })
    if (told) this.#ports.outbox.kick(room)
    return false
  }

  #alert(userId: UserId, before: string, now: string): Answer {
    const { nameOf, prefix } = this.#ports
    return {
      mark: '⚠️',
      blocks: [
        paragraph(
          { bold: nameOf(userId) },
          ' (',
          { code: userId },
          ') has another identity than before. I change nothing on their command now.',
        ),
        paragraph('Before: ', { code: fingerprint(before) }, ', now: ', { code: fingerprint(now) }, '.'),
        paragraph(
          'Ask them in person or by telephone, not over Matrix, whether they reset their identity. If so, another admin answers ',
          { code: `${prefix}trust ${userId}` },
          ', or the operator runs ',
          { code: `gatehouse crypto trust ${userId}` },
          '. If not, somebody else has their account or their homeserver: take their role away.',
        ),
      ],
      code: 'identity-changed',
    }
  }
}
