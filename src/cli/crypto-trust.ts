import { auditOperator } from '../audit/operator.ts'
import { fingerprint, PersonIdentities } from '../crypto/person-identities.ts'
import { isUserId } from '../matrix/ids.ts'
import { systemClock } from '../operations/clock.ts'
import { agreed } from './ask-yes.ts'
import { print } from './contract.ts'
import type { CommonOptions, Execute } from './contract.ts'
import { atDesk, giveUp } from './offline.ts'

/** Options of `gatehouse crypto trust`. */
export interface TrustOptions extends CommonOptions {
  /** The person; absent = the list of those who wait. */
  readonly user?: string
  readonly yes?: boolean
}

/**
 * `gatehouse crypto trust [user]`: accepts somebody's new identity, for the operator at the machine: where the only admin has made a new one, nobody can
 * do so in chat. Needs no connection.
 */
export const execute: Execute<TrustOptions> = (options) =>
  atDesk(options, async ({ database }) => {
    const clock = systemClock
    const identities = new PersonIdentities(database, clock)
    const { user } = options
    if (user === undefined) {
      const waiting = identities.changed()
      if (waiting.length === 0) print('Nobody who may command has another identity than before.')
      for (const { userId, masterKey, otherKey } of waiting)
        print(`${userId}  before: ${fingerprint(masterKey)}  now: ${fingerprint(otherKey ?? '')}`)
      return 'ok'
    }
    if (!isUserId(user)) return giveUp('usage', `${user} is no Matrix id (@name:server)`)
    const known = identities.of(user)
    if (known?.otherKey === undefined) {
      const words =
        known === undefined
          ? `No identity of ${user} is remembered`
          : `${user} has the identity that is remembered (${fingerprint(known.masterKey)})`
      return giveUp('failed', `${words}: nothing is to be done.`)
    }
    print(user)
    print(`  before: ${fingerprint(known.masterKey)}`)
    print(`  now:    ${fingerprint(known.otherKey)}`)
    print('Ask this person, in person or by telephone, whether they reset their identity. Whoever holds it can command the bot as them.')
    if (!(await agreed(user, { yes: options.yes === true }))) return 'usage'
    const now = clock.now()
    const { otherKey, masterKey } = known
    database.transaction(() => {
      identities.accept(user, otherKey, 'operator')
      auditOperator(database, {
        at: now,
        command: 'crypto trust',
        arguments: { who: user, before: fingerprint(masterKey), now: fingerprint(otherKey) },
      })
    })
    print('Accepted. Their commands count again when the bot runs.')
    return 'ok'
  })
