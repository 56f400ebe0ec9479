import { existsSync } from 'node:fs'
import { z } from 'zod'
import { masterKeyIn, ownKeysProblem } from '../crypto/own-keys.ts'
import { fingerprint, PersonIdentities } from '../crypto/person-identities.ts'
import { openSecretStore } from '../crypto/secret-store.ts'
import { Sealed, wrongPassphrase } from '../database/sealed.ts'
import { describeFailure } from '../matrix/client.ts'
import { readSession } from '../matrix/session-store.ts'
import { systemClock } from '../operations/clock.ts'
import { print } from './contract.ts'
import type { CommonOptions, Execute } from './contract.ts'
import { atDesk, giveUp, withCrypto } from './offline.ts'
import type { CryptoDesk, Desk } from './offline.ts'

/** Options of `gatehouse crypto status`. */
export interface StatusOptions extends CommonOptions {
  readonly json?: boolean
  /** Only what is on the disk. */
  readonly offline?: boolean
}

/** How the bot's own encryption stands. No secret is in it. */
interface CryptoStatus {
  readonly userId: string
  readonly deviceId: string | undefined
  readonly engine: string | undefined
  readonly recoveryKeyFile: { readonly path: string; readonly present: boolean }
  readonly local: { readonly signed: boolean; readonly privateKeys: boolean; readonly identity: string | undefined } | undefined
  readonly server:
    | {
        /** What is wrong with the keys there; undefined = they are ours. */
        readonly problem: string | undefined
        readonly identity: string | undefined
        /** Can the recovery key open the account's secret storage? */
        readonly secretStorage: string
        readonly keyBackup: string | undefined
      }
    | { readonly unreachable: string }
    | undefined
  /** People whose new identity waits for somebody's decision. */
  readonly changedPeople: readonly string[]
}

const version = z.object({ version: z.string() })

const serverOf = async ({ config, crypto, homeserver }: CryptoDesk): Promise<CryptoStatus['server']> => {
  const { engine, http } = crypto
  // Looked at without telling the engine: looking changes nothing.
  const asked = await http.keysQuery({ device_keys: { [engine.userId]: [] } })
  if (!asked.ok) return { unreachable: describeFailure(asked) }
  const problem = ownKeysProblem(asked.body, engine.ownKeys)
  const shown = masterKeyIn(asked.body, engine.userId)
  const secrets = await openSecretStore(http, config.crypto.recoveryKeyFile)
  const backup = await homeserver.request('GET', '/_matrix/client/v3/room_keys/version', { route: 'room_keys/version', repeatable: true })
  return {
    problem: problem?.words,
    identity: shown === undefined ? undefined : fingerprint(shown),
    secretStorage: secrets.ok ? 'the recovery key opens it' : secrets.code === 'unreachable' ? 'could not be asked' : secrets.words,
    keyBackup: version.safeParse(backup.ok ? backup.body : undefined).data?.version,
  }
}

const localOf = async ({ crypto }: CryptoDesk): Promise<CryptoStatus['local']> => {
  const { master, selfSigning, userSigning } = await crypto.engine.binding.identity.privateKeys()
  const { masterKey } = crypto.engine.ownKeys
  return {
    signed: masterKey !== undefined,
    privateKeys: master && selfSigning && userSigning,
    identity: masterKey === undefined ? undefined : fingerprint(masterKey),
  }
}

const lines = (status: CryptoStatus): readonly string[] => {
  const { local, server, recoveryKeyFile: file } = status
  const yes = (value: boolean): string => (value ? 'yes' : 'NO')
  const onServer =
    server === undefined
      ? ['server          not asked']
      : 'unreachable' in server
        ? [`server          ${server.unreachable}`]
        : [
            `keys there      ${server.problem ?? 'the same as here'}`,
            `identity there  ${server.identity ?? 'NONE'}`,
            `secret storage  ${server.secretStorage}`,
            `key backup      ${server.keyBackup === undefined ? 'none' : `version ${server.keyBackup}`}`,
          ]
  return [
    `user            ${status.userId}`,
    `device          ${status.deviceId ?? 'none yet: gatehouse login, or gatehouse run'}`,
    `engine          ${status.engine ?? 'not opened'}`,
    ...(local === undefined
      ? []
      : [
          `device signed   ${yes(local.signed)}`,
          `private keys    ${yes(local.privateKeys)}`,
          `identity        ${local.identity ?? 'NONE'}`,
        ]),
    `recovery key    ${file.present ? `in ${file.path}` : `NOT in ${file.path}`}`,
    ...onServer,
    ...status.changedPeople.map((userId) => `changed         ${userId} has another identity than before: gatehouse crypto trust ${userId}`),
  ]
}

const show = (status: CryptoStatus, json: boolean): 'ok' | 'failed' => {
  if (json) print(JSON.stringify(status, (_key, value: unknown) => value ?? null))
  else for (const line of lines(status)) print(line)
  const { local, server } = status
  const wrong =
    (server !== undefined && !('unreachable' in server) && server.problem !== undefined) ||
    local?.signed === false ||
    local?.privateKeys === false
  return wrong ? 'failed' : 'ok'
}

/** `gatehouse crypto status`: device, identity, recovery key and backup, here and on the server. Changes nothing. */
export const execute: Execute<StatusOptions> = (options) =>
  atDesk(options, async (desk: Desk) => {
    const { config, database } = desk
    const path = config.crypto.recoveryKeyFile
    const json = options.json === true
    const basic = {
      userId: config.homeserver.userId,
      recoveryKeyFile: { path, present: existsSync(path) },
      changedPeople: new PersonIdentities(database, systemClock).changed().map(({ userId }) => userId),
    }
    // A directory that was never used is not bound to the passphrase by looking at it.
    if (database.meta('seal.salt') === undefined)
      return show({ ...basic, deviceId: undefined, engine: undefined, local: undefined, server: undefined }, json)
    const unlocked = await Sealed.unlock(database, config.crypto.passphrase, systemClock.now())
    if (!unlocked.ok) return giveUp('cryptoStore', wrongPassphrase)
    const session = readSession(unlocked.sealed)
    if (session === undefined) return show({ ...basic, deviceId: undefined, engine: undefined, local: undefined, server: undefined }, json)
    return withCrypto(desk, async (opened) => {
      const server = options.offline === true ? undefined : await serverOf(opened)
      const local = await localOf(opened)
      return show({ ...basic, deviceId: session.deviceId, engine: opened.crypto.engine.engine, local, server }, json)
    })
  })
