import { z } from 'zod'
import type { EngineRequest, RequestKind } from './engine-binding.ts'

/** By the library's number of each. */
export const requestKinds: readonly RequestKind[] = [
  'keys-upload',
  'keys-query',
  'keys-claim',
  'to-device',
  'signatures-upload',
  'room-message',
  'keys-backup',
]
const signedKeys = z.object({ signed_keys: z.unknown() })

/** A request of the library. */
interface NativeRequest {
  readonly id: string
  readonly body: string
  readonly type: number
  readonly eventType?: string
  readonly txnId?: string
}

/** A request in our form. */
export const toRequest = ({ id, body, type, eventType, txnId }: NativeRequest): EngineRequest => {
  const kind = requestKinds[type]
  if (kind === undefined) throw new Error(`the native engine has a request of an unknown type ${type}`)
  // The library puts what the server wants as the whole body under a name.
  const whole = kind === 'signatures-upload' ? JSON.stringify(signedKeys.parse(JSON.parse(body)).signed_keys) : body
  return { id: id === '' ? undefined : id, kind, body: whole, eventType, txnId }
}
