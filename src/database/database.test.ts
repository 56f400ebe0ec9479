import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from './database.ts'

let database: Database
beforeEach(() => {
  database = memoryDatabase()
})
afterEach(() => {
  database.close()
})

describe('transactions', () => {
  test('all of it or nothing', () => {
    expect(() =>
      database.transaction(() => {
        database.setMeta('one', '1')
        throw new Error('half way')
      }),
    ).toThrow('half way')
    expect(database.meta('one')).toBeUndefined()
  })

  test('inside another one it becomes part of that', () => {
    expect(() =>
      database.transaction(() => {
        database.transaction(() => database.setMeta('inner', '1'))
        throw new Error('outer')
      }),
    ).toThrow('outer')
    expect(database.meta('inner')).toBeUndefined()
    expect(database.transaction(() => database.transaction(() => 7))).toBe(7)
  })

  test('nothing may be awaited inside, and nothing of such a one stays', () => {
    expect(() =>
      database.transaction(async () => {
        database.setMeta('early', '1')
        await Promise.resolve()
      }),
    ).toThrow('may not await')
    expect(database.meta('early')).toBeUndefined()
  })
})

describe('queries', () => {
  test('what changed, the last id, the first row, all rows', () => {
    const add = (name: string) => database.run(database.query.insertInto('meta').values({ name, value: name }))
    expect(add('a').changes).toBe(1)
    add('b')
    const names = database.query.selectFrom('meta').select('name').orderBy('name')
    expect(database.all(names)).toEqual([{ name: 'a' }, { name: 'b' }])
    expect(database.first(names)).toEqual({ name: 'a' })
    expect(database.first(names.where('name', '=', 'none'))).toBeUndefined()
    expect(database.run(database.query.deleteFrom('meta')).changes).toBe(2)
  })

  test('what is given is a value, never a part of the statement', () => {
    const hostile = `x'; DROP TABLE meta; --`
    database.setMeta(hostile, hostile)
    expect(database.meta(hostile)).toBe(hostile)
  })

  test('tables are strict, and a commit is on the disk before it is told', () => {
    expect(() => database.connection.exec(`INSERT INTO plan (plan_id) VALUES ('not a number')`)).toThrow()
    expect(database.connection.pragma('synchronous', { simple: true })).toBe(2)
    expect(database.connection.pragma('foreign_keys', { simple: true })).toBe(1)
  })
})

test('a value of meta is replaced', () => {
  database.setMeta('since', 's1')
  database.setMeta('since', 's2')
  expect([database.meta('since'), database.meta('none')]).toEqual(['s2', undefined])
})

test('closing twice is harmless', () => {
  database.close()
  database.close()
  expect(() => database.meta('x')).toThrow()
})
