import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../operations/clock.ts'
import { silentLogger } from '../operations/logger.ts'
import { createGate } from './gate.ts'

let directory: string

const openssl = (...args: string[]): void => {
  try {
    execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' })
  } catch (error) {
    throw new Error('this test makes its certificates with the openssl program (3.x), which failed or is missing', { cause: error })
  }
}

/** A certificate of our own CA for `altName`; a negative lifetime gives an expired one. */
const issue = (name: string, altName: string, from: string, to: string): void => {
  writeFileSync(join(directory, `${name}.ext`), `subjectAltName=${altName}\n`)
  openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`)
  openssl(
    'ca',
    '-batch',
    '-config',
    'ca.cnf',
    '-in',
    `${name}.csr`,
    '-out',
    `${name}.pem`,
    '-startdate',
    from,
    '-enddate',
    to,
    '-extfile',
    `${name}.ext`,
    '-notext',
  )
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gate-tls-'))
  const config = [
    '[ca]',
    'default_ca=own',
    '[own]',
    'new_certs_dir=.',
    'database=index.txt',
    'serial=serial',
    'certificate=ca.pem',
    'private_key=ca.key',
    'default_md=sha256',
    'policy=any',
    'unique_subject=no',
    '[any]',
    'commonName=supplied',
  ]
  writeFileSync(join(directory, 'ca.cnf'), `${config.join('\n')}\n`)
  writeFileSync(join(directory, 'index.txt'), '')
  writeFileSync(join(directory, 'serial'), '01\n')
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=Test CA', '-days', '3650')
  issue('good', 'IP:127.0.0.1', '20200101000000Z', '20491231000000Z')
  issue('expired', 'IP:127.0.0.1', '20200101000000Z', '20200201000000Z')
  issue('elsewhere', 'DNS:elsewhere.example', '20200101000000Z', '20491231000000Z')
}, 30_000)

afterAll(() => rmSync(directory, { recursive: true }))

const ask = async (certificate: string, trustOurCa: boolean, maxVersion: 'TLSv1.1' | 'TLSv1.3' = 'TLSv1.3') => {
  const server = createServer(
    {
      key: readFileSync(join(directory, `${certificate}.key`)),
      cert: readFileSync(join(directory, `${certificate}.pem`)),
      maxVersion,
      ...(maxVersion === 'TLSv1.1' ? { minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' } : {}),
    },
    (_request, response) => void response.end('{}'),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const gate = createGate({
    baseUrl: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    name: 'test',
    logger: silentLogger,
    clock: systemClock,
    userAgent: 'gate-test',
    ...(trustOurCa ? { caFile: join(directory, 'ca.pem') } : {}),
  })
  try {
    return await gate.request({ method: 'POST', path: '/', route: 'root', repeatable: true })
  } finally {
    await gate.close(0)
    server.closeAllConnections()
    server.close()
  }
}

describe('certificates', () => {
  test('a certificate of the CA in the file is accepted', async () => {
    expect(await ask('good', true)).toMatchObject({ ok: true })
  })

  test.each([
    ['unknown CA', 'good', false, /unknown CA/],
    ['expired', 'expired', true, /expired/],
    ['wrong host', 'elsewhere', true, /wrong host/],
  ])('%s', async (_name, certificate, trustOurCa, words) => {
    const result = await ask(certificate, trustOurCa)
    expect(result).toMatchObject({ ok: false, code: 'network', tls: true, untouched: true, reason: expect.stringMatching(words) })
  })

  test('TLS 1.1 is refused', async () => {
    expect(await ask('good', true, 'TLSv1.1')).toMatchObject({ ok: false, code: 'network', tls: true, untouched: true })
  })

  test('NODE_TLS_REJECT_UNAUTHORIZED does not switch verification off', async () => {
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED']
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    try {
      expect(await ask('good', false)).toMatchObject({ ok: false, tls: true })
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before
    }
  })
})
