import { OtherUserIdentity, UserId, type KeysQueryRequest, type OlmMachine } from '@matrix-org/matrix-sdk-crypto-wasm'
import type { CryptoApi } from 'matrix-js-sdk/lib/crypto-api/index.js'
import type { ClientAccount, IdentityTrust } from './protocol.ts'

/** What the SDK keeps to itself: it verifies people only by talking to their client, and asks for their keys only when the server names them. */
interface Inside {
  readonly olmMachine: OlmMachine
  readonly outgoingRequestProcessor: { makeOutgoingRequest(request: KeysQueryRequest): Promise<void> }
}

const inside = (crypto: CryptoApi): Inside => crypto as unknown as Inside

/** Asks the server for a person's identity now. */
const askFor = async (crypto: CryptoApi, userId: string): Promise<void> => {
  const { olmMachine, outgoingRequestProcessor } = inside(crypto)
  await outgoingRequestProcessor.makeOutgoingRequest(olmMachine.queryKeysForUsers([new UserId(userId)]))
}

/** How the client judges the identity that the server shows at this moment. */
export const judgeIdentity = async (crypto: CryptoApi, userId: string): Promise<IdentityTrust> => {
  await askFor(crypto, userId)
  const status = await crypto.getUserVerificationStatus(userId)
  return { verified: status.isCrossSigningVerified(), reset: status.needsUserApproval }
}

/** Signs a person's identity with the client's own, as the last step of a verification does. */
export const verifyIdentity = async (crypto: CryptoApi, account: ClientAccount, userId: string): Promise<void> => {
  await askFor(crypto, userId)
  const identity = await inside(crypto).olmMachine.getIdentity(new UserId(userId))
  if (!(identity instanceof OtherUserIdentity)) throw new Error(`${userId} has no identity that could be verified`)
  const response = await fetch(`${account.baseUrl}/_matrix/client/v3/keys/signatures/upload`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${account.accessToken}`, 'Content-Type': 'application/json' },
    body: (await identity.verify()).body,
  })
  if (!response.ok) throw new Error(`The signature was refused: ${response.status}`)
  await askFor(crypto, userId)
}
