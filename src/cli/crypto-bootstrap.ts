import { exitReasonOfIdentity } from '../crypto/open.ts'
import { ensureIdentity } from '../crypto/identity.ts'
import { replaceIdentity } from '../crypto/replace-identity.ts'
import { agreed } from './ask-yes.ts'
import { print } from './contract.ts'
import type { CommonOptions, Execute } from './contract.ts'
import { readSecret } from './hidden-input.ts'
import { atDesk, comparedKeys, giveUp, withCrypto } from './offline.ts'

/** Options of `gatehouse crypto bootstrap`. */
export interface BootstrapOptions extends CommonOptions {
  readonly replaceIdentity?: boolean
  readonly yes?: boolean
}

const consequence =
  'A new identity takes the place of the one on the homeserver, which is lost for good. People who had verified the bot see that it has changed and have to ' +
  'verify it again; messages in the key backup can be read only as far as their keys are here. If you have the recovery key, use `gatehouse crypto recover` instead.'

const made = {
  nothing: 'The identity is there and has signed this device. Nothing was to be done.',
  identity: 'A new identity was made and has signed this device.',
  signature: 'The identity has signed this device.',
  restored: 'The identity was restored from the recovery key and has signed this device.',
} as const

/** `gatehouse crypto bootstrap`: makes the bot's identity, or finishes it after a crash. Only with `--replace-identity` an existing one is replaced. */
export const execute: Execute<BootstrapOptions> = (options) =>
  atDesk(options, async (desk) => {
    const replace = options.replaceIdentity === true
    if (replace) {
      print(consequence)
      if (!(await agreed(desk.config.homeserver.userId, { yes: options.yes === true }))) return 'usage'
    }
    return withCrypto(desk, async (opened) => {
      const { config, database, crypto, logger, onSecret } = opened
      const { recoveryKeyFile } = config.crypto
      const given = { database, store: crypto.store, engine: crypto.engine, http: crypto.http, logger, recoveryKeyFile, onSecret }
      let password = ''
      if (replace) {
        const asked =
          config.homeserver.password === undefined
            ? await readSecret(`Password of ${config.homeserver.userId}`)
            : { ok: true as const, secret: config.homeserver.password }
        if (!asked.ok) return giveUp('usage', asked.words)
        password = asked.secret
        onSecret(password)
      }
      const result = replace ? await replaceIdentity(given, password) : await ensureIdentity(given)
      if (!result.ok) return giveUp(exitReasonOfIdentity(result), result.words)
      const other = await comparedKeys(opened)
      if (other !== undefined) return other
      print(made[result.made])
      if (result.made === 'identity')
        print(`Its recovery key is in ${recoveryKeyFile}. Keep a copy in a safe place: without it a new device cannot sign itself.`)
      return 'ok'
    })
  })
