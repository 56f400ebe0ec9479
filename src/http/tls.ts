import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { getCACertificates } from 'node:tls'

/** What a connection needs to verify its server. Verification is never off, whatever the environment says. */
export interface TlsOptions {
  readonly rejectUnauthorized: true
  readonly minVersion: 'TLSv1.2'
  readonly ca?: string[]
}

/**
 * The TLS settings of a gate.
 * @param caFile PEM file with further certificate authorities, trusted besides the usual ones
 * @throws Error in words when the file cannot be read or holds no certificate: a gate must not start with less trust than was asked for
 */
export const tlsOptions = (caFile: string | undefined): TlsOptions => {
  if (caFile === undefined) return { rejectUnauthorized: true, minVersion: 'TLSv1.2' }
  let text: string
  try {
    text = readFileSync(caFile, 'utf8')
  } catch (error) {
    throw new Error(`The CA file ${caFile} cannot be read`, { cause: error })
  }
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
  if (blocks === null) throw new Error(`The CA file ${caFile} holds no PEM certificate`)
  for (const block of blocks) {
    try {
      void new X509Certificate(block)
    } catch (error) {
      throw new Error(`The CA file ${caFile} holds a damaged certificate`, { cause: error })
    }
  }
  return { rejectUnauthorized: true, minVersion: 'TLSv1.2', ca: [...getCACertificates('default'), ...blocks] }
}
