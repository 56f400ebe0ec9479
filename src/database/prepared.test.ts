import { afterEach, beforeEach, expect, test } from 'vitest'
import { memoryDatabase } from '../../tests/support/unit.ts'
import type { Database } from './database.ts'
import { prepare } from './prepared.ts'

let database: Database
beforeEach(() => {
  database = memoryDatabase()
})
afterEach(() => {
  database.close()
})

test('a prepared query has the values of each run, and its own beside them', () => {
  const { query } = database
  const write = prepare(({ name, value }: { readonly name: string; readonly value: string }) =>
    query
      .insertInto('meta')
      .values({ name, value })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ value })),
  )
  const read = prepare(({ from, to, name }: { readonly from: string; readonly to: string; readonly name: string }) =>
    query.selectFrom('meta').selectAll().where('value', 'in', [from, 'fixed', to]).where('name', '<>', name).orderBy('name'),
  )
  for (const [name, value] of [
    ['a', 'one'],
    ['b', 'fixed'],
    ['c', 'two'],
    ['d', 'three'],
    ['a', 'two'],
  ] as const)
    expect(database.run(write.of({ name, value })).changes).toBe(1)
  expect(database.all(read.of({ from: 'one', to: 'two', name: 'c' })).map(({ name }) => name)).toEqual(['a', 'b'])
  expect(database.all(read.of({ from: 'three', to: 'one', name: '' })).map(({ name }) => name)).toEqual(['b', 'd'])
  expect(database.first(read.of({ from: 'none', to: 'none', name: 'b' }))).toBeUndefined()
})

test('what is given is a value, never a part of the statement', () => {
  const hostile = `x'; DROP TABLE meta; --`
  const find = prepare(({ name }: { readonly name: string }) => database.query.selectFrom('meta').select('value').where('name', '=', name))
  database.setMeta(hostile, 'kept')
  expect(database.first(find.of({ name: hostile }))).toEqual({ value: 'kept' })
})
