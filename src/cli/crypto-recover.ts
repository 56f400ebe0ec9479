import { existsSync, rmSync } from 'node:fs'
import { ensureIdentity, writeRecoveryKey } from '../crypto/identity.ts'
import { exitReasonOfIdentity } from '../crypto/open.ts'
import { decodeRecoveryKey } from '../crypto/secret-storage.ts'
import { print } from './contract.ts'
import type { CommonOptions, Execute } from './contract.ts'
import { readSecret } from './hidden-input.ts'
import { atDesk, comparedKeys, giveUp, withCrypto } from './offline.ts'

/**
 * `gatehouse crypto recover`: takes the identity over with the recovery key, from its file, a terminal or the first line of standard input; never from
 * the command line, which other users of the machine can read.
 */
export const execute: Execute<CommonOptions> = (options) =>
  atDesk(options, async (desk) => {
    const { recoveryKeyFile } = desk.config.crypto
    const isNew = !existsSync(recoveryKeyFile)
    if (isNew) {
      const asked = await readSecret("Recovery key of the bot's identity")
      if (!asked.ok) return giveUp('usage', asked.words)
      if (decodeRecoveryKey(asked.secret) === undefined)
        return giveUp(
          'identity',
          'That is no recovery key: is it cut or mistyped? It has 12 groups of four letters and digits. Nothing was changed.',
        )
      writeRecoveryKey(recoveryKeyFile, asked.secret.trim())
    }
    const reason = await withCrypto(desk, async (opened) => {
      const { database, crypto, logger, onSecret } = opened
      const { store, engine, http } = crypto
      const result = await ensureIdentity({ database, store, engine, http, logger, recoveryKeyFile, onSecret })
      if (!result.ok) return giveUp(exitReasonOfIdentity(result), result.words)
      const other = await comparedKeys(opened)
      if (other !== undefined) return other
      print(
        result.made === 'nothing'
          ? 'The identity is here and has signed this device. Nothing was to be done.'
          : `The identity has signed this device (${engine.deviceId}). Start the bot: gatehouse run`,
      )
      return 'ok'
    })
    // A key that did not help is not left lying about.
    if (isNew && reason !== 'ok') rmSync(recoveryKeyFile, { force: true })
    return reason
  })
