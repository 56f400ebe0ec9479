import type { GateResult } from '../http/contract.ts'
import { segment } from '../matrix/client.ts'
import type { Homeserver } from '../matrix/client.ts'

/** The key requests of the client-server API. They need no id from us: a repeat of the same body has the same effect. */
export const createCryptoHttp = (homeserver: Homeserver) => {
  const post = (path: string, route: string, body: unknown): Promise<GateResult> =>
    homeserver.request('POST', `/_matrix/client/v3/${path}`, { route, body, repeatable: true, timeoutMs: 60_000, deadlineMs: 90_000 })
  return {
    keysUpload: (body: unknown): Promise<GateResult> => post('keys/upload', 'keys/upload', body),
    keysQuery: (body: unknown): Promise<GateResult> => post('keys/query', 'keys/query', body),
    keysClaim: (body: unknown): Promise<GateResult> => post('keys/claim', 'keys/claim', body),
    signaturesUpload: (body: unknown): Promise<GateResult> => post('keys/signatures/upload', 'keys/signatures/upload', body),
    deviceSigningUpload: (body: unknown): Promise<GateResult> => post('keys/device_signing/upload', 'keys/device_signing/upload', body),
    sendToDevice: (type: string, txnId: string, body: unknown): Promise<GateResult> =>
      homeserver.request('PUT', `/_matrix/client/v3/sendToDevice/${segment(type)}/${segment(txnId)}`, {
        route: 'sendToDevice',
        body,
        repeatable: true,
        timeoutMs: 60_000,
        deadlineMs: 90_000,
      }),
    accountData: (type: string): Promise<GateResult> =>
      homeserver.request('GET', `/_matrix/client/v3/user/${segment(homeserver.userId)}/account_data/${segment(type)}`, {
        route: 'account_data',
        repeatable: true,
      }),
    setAccountData: (type: string, content: unknown): Promise<GateResult> =>
      homeserver.request('PUT', `/_matrix/client/v3/user/${segment(homeserver.userId)}/account_data/${segment(type)}`, {
        route: 'account_data',
        body: content,
        repeatable: true,
      }),
  }
}

/** The key requests, as the engine and the identity use them. */
export type CryptoHttp = ReturnType<typeof createCryptoHttp>
