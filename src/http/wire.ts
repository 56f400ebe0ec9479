import type { Dispatcher } from 'undici'
import type { GateRequest } from './contract.ts'

/** Where a gate sends to, taken apart once. */
export interface Target {
  readonly baseUrl: string
  readonly origin: string
  /** Path prefix without a trailing slash, often empty. */
  readonly prefix: string
}

/**
 * Reads the base URL of a gate.
 * @param allowHttp whether plain HTTP may be used (loopback, a reverse proxy on the same machine)
 * @throws Error in words for anything but an origin with an optional path
 */
export const parseTarget = (baseUrl: string, allowHttp: boolean): Target => {
  const url = URL.parse(baseUrl)
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new Error('The base URL must begin with https:// or http://')
  if (url.protocol === 'http:' && !allowHttp) throw new Error(`${url.origin} is plain HTTP: tokens would travel unencrypted`)
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new Error(`The base URL of ${url.origin} must hold no user name, password, query or fragment`)
  }
  const prefix = url.pathname.replace(/\/+$/, '')
  return { baseUrl: url.origin + prefix, origin: url.origin, prefix }
}

const queryString = (query: NonNullable<GateRequest['query']>): string => {
  let text = ''
  for (const name of Object.keys(query)) {
    const value = query[name]
    if (value === undefined) continue
    const values = typeof value === 'object' ? value : [value]
    for (const one of values) text += `${text === '' ? '?' : '&'}${encodeURIComponent(name)}=${encodeURIComponent(one)}`
  }
  return text
}

/**
 * What goes to undici for a request. The same object serves every retry, so a repeated request is the same to the byte.
 * @param base headers of every request of the gate
 * @throws TypeError for a path that is no plain encoded path: ids must have been percent-encoded by the caller
 */
export const wireOptions = (target: Target, base: Readonly<Record<string, string>>, request: GateRequest): Dispatcher.DispatchOptions => {
  if (!/^\/[^?#\s\\]*$/.test(request.path) || /(^|\/)(\.|%2e){1,2}(\/|$)/i.test(request.path)) {
    throw new TypeError(`${request.route}: the path must begin with "/", be percent-encoded and hold no query`)
  }
  const headers: Record<string, string> = { ...request.headers, ...base }
  if (request.token !== undefined) headers['authorization'] = `Bearer ${request.token}`
  let body: string | Uint8Array | null = null
  if (request.body instanceof Uint8Array) {
    body = request.body
    headers['content-type'] = request.contentType ?? 'application/octet-stream'
  } else if (request.body !== undefined) {
    body = JSON.stringify(request.body)
    headers['content-type'] = request.contentType ?? 'application/json'
  }
  return {
    origin: target.origin,
    path: target.prefix + request.path + (request.query === undefined ? '' : queryString(request.query)),
    method: request.method,
    headers,
    body,
    // The gate has one timer for the whole attempt; undici's coarser ones stay off.
    headersTimeout: 0,
    bodyTimeout: 0,
  }
}
