import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from './database.ts'
import { Sealed } from './sealed.ts'

const passphrase = 'correct horse battery staple'
let database: Database
beforeEach(() => {
  database = memoryDatabase()
})
afterEach(() => {
  database.close()
})

const unlock = async (given = passphrase): Promise<Sealed> => {
  const result = await Sealed.unlock(database, given, 1)
  if (!result.ok) throw new Error(result.code)
  return result.sealed
}
const raw = (name: string): Buffer =>
  Buffer.from(database.first(database.query.selectFrom('sealed').select('value').where('name', '=', name))?.value ?? [])

describe('a sealed value', () => {
  test('is read with the same passphrase only, also by the next process', async () => {
    ;(await unlock()).set('session', 'a token', 1)
    expect((await unlock()).get('session')).toBe('a token')
    expect(await Sealed.unlock(database, `${passphrase} `, 1)).toEqual({ ok: false, code: 'wrong-passphrase' })
    expect((await unlock()).get('session')).toBe('a token')
  })

  test('stands nowhere in clear, and differs each time it is written', async () => {
    const sealed = await unlock()
    sealed.set('session', 'a token', 1)
    const first = raw('session')
    sealed.set('session', 'a token', 2)
    expect(first.includes('a token')).toBe(false)
    expect(raw('session').equals(first)).toBe(false)
    expect(JSON.stringify(database.all(database.query.selectFrom('meta').selectAll()))).not.toContain(passphrase)
  })

  test('cannot be swapped with another one, changed or cut', async () => {
    const sealed = await unlock()
    sealed.set('one', 'value one', 1)
    sealed.set('two', 'value two', 1)
    const put = (name: string, value: Uint8Array): void =>
      void database.run(database.query.updateTable('sealed').set({ value }).where('name', '=', name))
    const two = raw('two')
    put('two', raw('one'))
    expect(sealed.get('two')).toBeUndefined()
    const flipped = Buffer.from(two)
    flipped[20] = (flipped[20] ?? 0) ^ 1
    put('two', flipped)
    expect(sealed.get('two')).toBeUndefined()
    put('two', two.subarray(0, 10))
    expect(sealed.get('two')).toBeUndefined()
    put('two', two)
    expect(sealed.get('two')).toBe('value two')
    expect(sealed.get('three')).toBeUndefined()
  })
})

test('keys for other purposes are stable, and differ by purpose and by data directory', async () => {
  const first = await unlock()
  const again = await unlock()
  expect(Buffer.from(first.key('crypto-store/a')).equals(Buffer.from(again.key('crypto-store/a')))).toBe(true)
  expect(first.key('crypto-store/a')).toHaveLength(32)
  const other = memoryDatabase()
  const elsewhere = await Sealed.unlock(other, passphrase, 1)
  const keys = [
    first.key('crypto-store/a'),
    first.key('crypto-store/b'),
    elsewhere.ok ? elsewhere.sealed.key('crypto-store/a') : new Uint8Array(),
  ]
  expect(new Set(keys.map((key) => Buffer.from(key).toString('hex'))).size).toBe(3)
  other.close()
})
