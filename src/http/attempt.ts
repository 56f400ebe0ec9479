import { gunzip } from 'node:zlib'
import type { Dispatcher } from 'undici'
import { transportReason } from './reasons.ts'

/** What one try over the wire gave. `sent` says whether a connection had been made and writing had begun. */
export type AttemptResult =
  | { readonly kind: 'answer'; readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: Uint8Array }
  | { readonly kind: 'network'; readonly sent: boolean; readonly reason: string; readonly tls: boolean }
  | { readonly kind: 'too-big'; readonly status: number }
  | { readonly kind: 'stopped'; readonly sent: boolean }

/** A try under way. */
export interface Attempt {
  readonly result: Promise<AttemptResult>
  /** Drops it now; the result becomes `stopped`. Does nothing once it has ended. */
  readonly stop: () => void
}

/** One string per header, on an object without a prototype: the names come from the server. */
const flatten = (headers: Record<string, string | string[] | undefined>): Record<string, string> => {
  const flat: Record<string, string> = Object.create(null) as Record<string, string>
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value !== undefined) flat[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return flat
}

/**
 * Sends one request and gathers the whole answer. Works on undici's dispatch interface directly: no streams, no signals, and it tells
 * whether the request had left at all, which decides whether a change may have happened.
 * @param maxBytes largest body, before and after decompression
 */
export const startAttempt = (dispatcher: Dispatcher, options: Dispatcher.DispatchOptions, maxBytes: number): Attempt => {
  const { promise, resolve } = Promise.withResolvers<AttemptResult>()
  const chunks: Buffer[] = []
  let controller: Dispatcher.DispatchController | undefined
  let sent = false
  let ended = false
  let size = 0
  let status = 0
  let headers: Record<string, string> = {}

  const end = (result: AttemptResult): void => {
    if (ended) return
    ended = true
    resolve(result)
  }
  const stop = (result: AttemptResult): void => {
    if (ended) return
    end(result)
    controller?.abort(new Error('stopped by the gate'))
  }

  dispatcher.dispatch(options, {
    onRequestStart: (given) => {
      controller = given
      // Stopped while it waited for a connection: nothing may leave any more.
      if (ended) given.abort(new Error('stopped by the gate'))
      else sent = true
    },
    onResponseStart: (_controller, code, given) => {
      if (code < 200) return
      status = code
      headers = flatten(given)
    },
    onResponseData: (_controller, chunk) => {
      size += chunk.length
      if (size > maxBytes) stop({ kind: 'too-big', status })
      else chunks.push(chunk)
    },
    onResponseEnd: () => {
      const body = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
      if (headers['content-encoding'] !== 'gzip' || body.length === 0) {
        end({ kind: 'answer', status, headers, body })
        return
      }
      gunzip(body, { maxOutputLength: maxBytes }, (error, plain) => {
        if (error === null) end({ kind: 'answer', status, headers, body: plain })
        else if ('code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') end({ kind: 'too-big', status })
        else end({ kind: 'network', sent: true, reason: 'the compressed answer is damaged', tls: false })
      })
    },
    onResponseError: (_controller, error) => end({ kind: 'network', sent, ...transportReason(error) }),
  })

  return { result: promise, stop: () => stop({ kind: 'stopped', sent }) }
}
