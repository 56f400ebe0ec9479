import { z } from 'zod'
import type { CryptoHttp } from './http.ts'
import { askServer, ensureIdentity, marker, restore, unreachable, unstored } from './identity.ts'
import type { IdentityOptions, IdentityResult } from './identity.ts'
import { ownMasterKey } from './key-requests.ts'

/**
 * Makes a new identity in place of the one on the server, which is lost for good: people who had verified the bot see that it has changed. Only on an
 * operator's word. The server asks for the password (spec: user-interactive authentication); if it refuses, nothing is changed here either. After a
 * crash in between the command is repeated.
 */
export const replaceIdentity = async (options: IdentityOptions, password: string): Promise<IdentityResult> => {
  const { database, engine, http } = options
  // Made beside the engine: its own private keys are given up only when the server has taken the new ones.
  const made = await engine.binding.identity.otherIdentity()
  const secrets = made.secrets.map((value) => value ?? '')
  for (const secret of secrets) options.onSecret(secret)
  const body = z.looseObject({ master_key: z.looseObject({}) }).parse(JSON.parse(made.signingKeys))
  // The maker's own signature: it is no device of ours.
  const { signatures: _foreign, ...master } = body.master_key
  const failure = await uploadWithPassword(http, { ...body, master_key: master }, engine.userId, password)
  if (failure !== undefined) return failure
  database.transaction(() => {
    database.setMeta(unstored, '1')
    for (const name of [marker, ownMasterKey]) database.deleteMeta(name)
  })
  // From here on the engine may hear of an identity that is not the one it knew.
  await engine.flushOutgoing()
  const asked = await askServer(options)
  if (!asked.ok) return 'words' in asked ? asked : unreachable(asked)
  const restored = await restore(options, secrets)
  if (!restored.ok) return restored
  const finished = await ensureIdentity(options)
  return finished.ok ? { ok: true, made: 'identity' } : finished
}

const challenge = z.object({
  session: z.string().optional(),
  flows: z.array(z.object({ stages: z.array(z.string()) })),
  /** Where the account's owner approves it, on servers that log in by OAuth (MSC4312). */
  params: z.record(z.string(), z.looseObject({ url: z.string().optional() })).optional(),
})

/** Uploads the public keys of an identity; answers the server's question for the password. Returns why it failed. */
const uploadWithPassword = async (
  http: CryptoHttp,
  body: Record<string, unknown>,
  user: string,
  password: string,
): Promise<Extract<IdentityResult, { ok: false }> | undefined> => {
  const first = await http.deviceSigningUpload(body)
  if (first.ok) return undefined
  const asked = challenge.safeParse(first.code === 'status' && first.status === 401 ? first.body : undefined)
  if (!asked.success) return unreachable(first)
  const { session, flows, params } = asked.data
  if (session === undefined || !flows.some(({ stages }) => stages.length === 1 && stages[0] === 'm.login.password')) {
    const address = Object.values(params ?? {}).find(({ url }) => url?.startsWith('https:') === true)?.url
    const where =
      address === undefined
        ? `in the account's settings there (${flows.map(({ stages }) => stages.join(' + ')).join(', ')})`
        : `at ${address}`
    return {
      ok: false,
      code: 'refused',
      words: `the homeserver takes more than a password for a new identity: approve the reset ${where}, then run this again`,
    }
  }
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password, session }
  const second = await http.deviceSigningUpload({ ...body, auth })
  if (second.ok) return undefined
  if (second.code === 'status' && second.status === 401)
    return { ok: false, code: 'refused', words: 'the homeserver refused the password; nothing was changed' }
  return unreachable(second)
}
