import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { FakeAccountData } from '../../tests/support/fake-backup.ts'
import { refused, timedOut } from '../../tests/support/unit.ts'
import { createKey, encodeRecoveryKey } from './secret-storage.ts'
import { openSecretStore, readRecoveryKey } from './secret-store.ts'

const dir = mkdtempSync(`${tmpdir()}/gatehouse-secret-store-`)
afterAll(() => rmSync(dir, { recursive: true, force: true }))
const file = `${dir}/recovery-key`
const key = createKey()
let account: FakeAccountData

beforeEach(() => {
  account = new FakeAccountData()
  account.secure(key)
  writeFileSync(file, `${encodeRecoveryKey(key)}\n`)
})

const opened = async () => {
  const result = await openSecretStore(account, file)
  if (!result.ok) throw new Error(result.code)
  return result.secrets
}

test('reads and writes secrets under the default key', async () => {
  const secrets = await opened()
  expect(await secrets.read('m.thing')).toEqual({ ok: false, code: 'absent' })
  expect(await secrets.write('m.thing', 'the value')).toBeUndefined()
  expect(JSON.stringify(account.data.get('m.thing'))).not.toContain('the value')
  expect(await secrets.read('m.thing')).toEqual({ ok: true, value: 'the value' })
  expect(readRecoveryKey(file)).toEqual(key)
})

test.each<[string, () => void, object]>([
  ['no file', () => rmSync(file), { code: 'no-recovery-key', words: `there is no recovery key in ${file} (crypto.recoveryKeyFile)` }],
  ['a file of something else', () => writeFileSync(file, 'hello'), { code: 'wrong-recovery-key' }],
  ["another account's key", () => writeFileSync(file, encodeRecoveryKey(createKey())), { code: 'wrong-recovery-key' }],
  ['no secret storage', () => account.data.clear(), { code: 'no-storage' }],
  ['storage without a key', () => account.data.delete('m.secret_storage.key.first'), { code: 'wrong-recovery-key' }],
  ['a strange default key', () => account.data.set('m.secret_storage.default_key', { key: 7 }), { code: 'no-storage' }],
  ['no answer', () => void (account.failure = timedOut), { code: 'unreachable', failure: timedOut }],
  ['an error that is not "not found"', () => void (account.failure = refused(404)), { code: 'unreachable' }],
])('%s: it stays closed, and nothing is written', async (_, given, expected) => {
  given()
  expect(await openSecretStore(account, file)).toMatchObject({ ok: false, ...expected })
  expect(account.written).toEqual([])
})

test.each<[string, unknown, string]>([
  ['of another key', { encrypted: { other: { iv: '', ciphertext: '', mac: '' } } }, 'absent'],
  ['of another shape', { encrypted: 'x' }, 'absent'],
  ['that was tampered with', { encrypted: { first: { iv: 'AAAA', ciphertext: 'AAAA', mac: 'AAAA' } } }, 'unreadable'],
])('a secret %s is not read', async (_, content, code) => {
  account.data.set('m.thing', content)
  expect(await (await opened()).read('m.thing')).toEqual({ ok: false, code })
})

test('a server that does not answer is no missing secret', async () => {
  const secrets = await opened()
  account.failure = refused(500)
  expect(await secrets.read('m.thing')).toMatchObject({ ok: false, code: 'unreachable' })
  expect(await secrets.write('m.thing', 'x')).toEqual(refused(500))
})
