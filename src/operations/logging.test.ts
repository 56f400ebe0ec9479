import { describe, expect, test } from 'vitest'
import { createLogger, redact } from './logging.ts'
import { isSecretName, maskSecrets, registerSecret } from './secrets.ts'

const capture = (): { readonly lines: string[]; readonly logger: ReturnType<typeof createLogger> } => {
  const lines: string[] = []
  return { lines, logger: createLogger({ level: 'debug', destination: { write: (line) => void lines.push(line) } }) }
}
const recoveryKey = 'EsTc LW2K PGiF wKEA 3As5 g5c4 BXwk qeeJ ZJV8 Q9fu gUMN UE4d'

describe('shapes', () => {
  test.each([
    ['a Synapse token', 'got syt_Z2F0ZWhvdXNl_abcDEF123_0x1y2z', 'syt_Z2F0'],
    ['a MAS token', 'got mat_abcdefghijkl1234_xyz', 'abcdefghijkl'],
    ['a MAS compat token', 'got mct_abcdefghijkl1234_xyz', 'abcdefghijkl'],
    ['a refresh token', 'got syr_abcdefghijkl1234_xyz', 'abcdefghijkl'],
    ['a recovery link', 'https://sso.test/if/flow/recovery/?flow_token=Qw3rTy99', 'Qw3rTy99'],
    ['an invitation link', 'https://sso.test/if/flow/x/?itoken=0b9f-11', '0b9f-11'],
    ['a bearer header', 'authorization: Bearer abc.def-123', 'abc.def-123'],
    ['a recovery key in groups', `key ${recoveryKey} end`, 'LW2K'],
    ['a recovery key in one piece', `key ${recoveryKey.replaceAll(' ', '')} end`, 'LW2K'],
    ['a token in a query', '/sync?since=s1&access_token=whatever1', 'whatever1'],
  ])('masks %s', (_, input, secret) => {
    const masked = maskSecrets(input)
    expect(masked).not.toContain(secret)
    expect(masked).toContain('[secret]')
  })

  test('leaves ordinary text alone', () => {
    const text = 'Essential format_version=2 for @ada:test in !room:test, event $abc, mat_x'
    expect(maskSecrets(text)).toBe(text)
  })
})

describe('registered values', () => {
  test('are masked in every form until forgotten', () => {
    const forget = registerSecret('correct horse/battery"staple')
    expect(maskSecrets('x correct horse/battery"staple y')).toBe('x [secret] y')
    expect(maskSecrets('x correct%20horse%2Fbattery%22staple y')).toBe('x [secret] y')
    expect(maskSecrets(`x ${Buffer.from('correct horse/battery"staple').toString('base64')}`)).toMatch(/^x \[secret\]=*$/)
    forget()
    expect(maskSecrets('correct horse/battery"staple')).toContain('horse')
  })

  test('a secret inside a longer secret does not leave the rest', () => {
    const forget = [registerSecret('abcdef'), registerSecret('abcdefghij')]
    expect(maskSecrets('abcdefghij')).toBe('[secret]')
    for (const each of forget) each()
  })
})

test.each(['access_token', 'accessToken', 'Access-Token', 'password', 'Authorization', 'recovery_key', 'passphrase'])(
  '%s is a secret name',
  (name) => {
    expect(isSecretName(name)).toBe(true)
  },
)
test.each(['user_id', 'tokens_left', 'roomId', 'keyword'])('%s is not a secret name', (name) => {
  expect(isSecretName(name)).toBe(false)
})

describe('redact', () => {
  test('copes with cycles, bytes, dates, maps and depth', () => {
    const loop: Record<string, unknown> = { name: 'loop', bytes: new Uint8Array(3), at: new Date(0), map: new Map([['password', 'x']]) }
    loop['self'] = loop
    expect(redact(loop)).toEqual({
      name: 'loop',
      bytes: '[3 bytes]',
      at: '1970-01-01T00:00:00.000Z',
      map: { password: '[secret]' },
      self: '[circular]',
    })
  })

  test('the same object twice is no cycle', () => {
    const shared = { a: 1 }
    expect(redact([shared, shared])).toEqual([{ a: 1 }, { a: 1 }])
  })

  test('an error loses its foreign fields', () => {
    const error = Object.assign(new Error('failed with Bearer abcdefgh', { cause: new Error('syt_abcdefghijkl') }), {
      response: { headers: { authorization: 'Bearer abcdefgh' } },
      code: 'ECONNRESET',
    })
    const text = JSON.stringify(redact(error))
    expect(text).not.toContain('abcdefgh')
    expect(text).not.toContain('response')
    expect(text).toContain('ECONNRESET')
  })
})

describe('createLogger', () => {
  test('writes JSON with level in words, ISO time and message', () => {
    const { lines, logger } = capture()
    logger.info({ room: '!a:test' }, 'joined')
    const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>
    expect(line).toMatchObject({ level: 'info', room: '!a:test', msg: 'joined' })
    expect(String(line['time'])).toMatch(/^\d{4}-\d\d-\d\dT/)
  })

  test('keeps secrets out, however they come in', () => {
    const forget = registerSecret('hunter2-hunter2')
    const { lines, logger } = capture()
    logger.info({ token: 'plain-token-value', deep: { list: [{ password: 'plain-password' }] } }, 'with hunter2-hunter2')
    logger.error(new Error('hunter2-hunter2 in an error'))
    logger.error({ err: new Error('hunter2-hunter2') }, 'wrapped')
    logger.warn('format %s and %o', 'hunter2-hunter2', { secret: 'plain-secret' })
    logger.child({ accessToken: 'plain-child', about: 'hunter2-hunter2' }).info('child')
    logger.info('%s%s', 'hunter2-', 'hunter2')
    forget()
    const all = lines.join('')
    expect(lines).toHaveLength(6)
    for (const secret of ['hunter2-hunter2', 'plain-token-value', 'plain-password', 'plain-secret', 'plain-child'])
      expect(all).not.toContain(secret)
    for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow()
  })

  test('an error as the first argument is written as err with its stack', () => {
    const { lines, logger } = capture()
    logger.error(new Error('boom'))
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'error', msg: 'boom', err: { type: 'Error', message: 'boom' } })
  })

  test('respects the level', () => {
    const lines: string[] = []
    createLogger({ level: 'warn', destination: { write: (line) => void lines.push(line) } }).info('no')
    expect(lines).toEqual([])
  })

  test('pretty lines are readable and masked', () => {
    const lines: string[] = []
    createLogger({ level: 'info', pretty: true, destination: { write: (line) => void lines.push(line) } }).info(
      { a: 1 },
      'token syt_abcdefghijkl',
    )
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}token \[secret\] \{"a":1\}\n$/)
  })
})
