import { RequestType } from '@matrix-org/matrix-sdk-crypto-wasm'
import type { EngineRequest, RequestKind } from './engine-binding.ts'

const kinds = {
  [RequestType.KeysUpload]: 'keys-upload',
  [RequestType.KeysQuery]: 'keys-query',
  [RequestType.KeysClaim]: 'keys-claim',
  [RequestType.SignatureUpload]: 'signatures-upload',
  [RequestType.ToDevice]: 'to-device',
  [RequestType.RoomMessage]: 'room-message',
  [RequestType.KeysBackup]: 'keys-backup',
} as const satisfies Readonly<Record<RequestType, RequestKind>>
/** The library's number of each kind. */
export const requestTypes = Object.fromEntries(Object.entries(kinds).map(([type, kind]) => [kind, Number(type)])) as Readonly<
  Record<RequestKind, RequestType>
>

/** A request of the engine; event type and transaction are there for to-device messages. */
export interface WasmRequest {
  readonly id?: string | undefined
  readonly type: RequestType
  readonly body: string
  readonly event_type?: string
  readonly txn_id?: string
}

/** A request in our form. */
export const toRequest = ({ id, type, body, event_type: eventType, txn_id: txnId }: WasmRequest): EngineRequest => ({
  id,
  kind: kinds[type],
  body,
  eventType,
  txnId,
})
