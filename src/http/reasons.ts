/** Why no answer came, for people. */
export interface TransportReason {
  readonly reason: string
  /** The certificate or the TLS handshake was the trouble: retrying does not help. */
  readonly tls: boolean
}

const tlsReasons: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the TLS certificate of the server has expired',
  CERT_NOT_YET_VALID: 'the TLS certificate of the server is not valid yet (is the clock right?)',
  CERT_REVOKED: 'the TLS certificate of the server was revoked',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the TLS certificate is signed by an unknown CA (self-signed): set the CA file',
  SELF_SIGNED_CERT_IN_CHAIN: 'the TLS certificate is signed by an unknown CA (own root): set the CA file',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the TLS certificate is signed by an unknown CA, or the server leaves out its intermediate certificate',
  UNABLE_TO_GET_ISSUER_CERT: 'the TLS certificate is signed by an unknown CA',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the TLS certificate is signed by an unknown CA: set the CA file',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the TLS certificate is for another host (wrong host name)',
  HOSTNAME_MISMATCH: 'the TLS certificate is for another host (wrong host name)',
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused: nothing listens there',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed while sending',
  ETIMEDOUT: 'no connection within the time limit',
  UND_ERR_CONNECT_TIMEOUT: 'no connection within the time limit',
  EHOSTUNREACH: 'there is no route to the server',
  ENETUNREACH: 'the network is unreachable',
  ENOTFOUND: 'the host name is unknown (DNS)',
  EAI_AGAIN: 'the host name could not be looked up (DNS)',
  UND_ERR_SOCKET: 'the server closed the connection before its answer was complete',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the answer was cut short',
  UND_ERR_HEADERS_OVERFLOW: 'the headers of the answer are too long',
}

const codesOf = (error: unknown, depth = 0): string[] => {
  if (!(error instanceof Error) || depth > 4) return []
  const own = 'code' in error && typeof error.code === 'string' ? [error.code] : []
  const inner = error instanceof AggregateError ? (error.errors as unknown[]).flatMap((one) => codesOf(one, depth + 1)) : []
  return [...own, ...inner, ...codesOf(error.cause, depth + 1)]
}

/**
 * Words for an error of undici, Node's sockets, DNS or TLS. The error's own message is left out: it may hold addresses and paths.
 */
export const transportReason = (error: unknown): TransportReason => {
  const codes = codesOf(error)
  for (const code of codes) {
    const tls = Object.hasOwn(tlsReasons, code) ? tlsReasons[code] : undefined
    if (tls !== undefined) return { reason: tls, tls: true }
  }
  // The inner cause of a closed socket says more than "socket error".
  for (const code of codes.toReversed()) {
    const plain = Object.hasOwn(reasons, code) ? reasons[code] : undefined
    if (plain !== undefined) return { reason: plain, tls: false }
  }
  const handshake = codes.find((code) => code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_') || code === 'EPROTO')
  if (handshake !== undefined) return { reason: `no TLS connection of version 1.2 or newer could be agreed (${handshake})`, tls: true }
  if (codes.some((code) => code.startsWith('HPE_'))) return { reason: 'the answer is not HTTP', tls: false }
  return { reason: codes[0] === undefined ? 'the connection failed' : `the connection failed (${codes[0]})`, tls: false }
}
