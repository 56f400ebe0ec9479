import { describe, expect, test } from 'vitest'
import { toEventId, toRoomAlias, toRoomId, toUserId } from '../matrix/ids.ts'
import { findPills, targetId } from './pills.ts'

const ada = '@ada:x'
const link = (id: string, text: string): string => `<a href="https://matrix.to/#/${encodeURIComponent(id)}">${text}</a>`
const found = (body: string, formatted?: string) =>
  findPills(body, formatted, 0).pills.map(({ start, end, target }) => [body.slice(start, end), targetId(target)])

test('the id of every kind of target', () => {
  expect(targetId({ kind: 'user', userId: toUserId(ada) })).toBe(ada)
  expect(targetId({ kind: 'room', roomId: toRoomId('!r'), via: [] })).toBe('!r')
  expect(targetId({ kind: 'alias', alias: toRoomAlias('#r:x'), via: [] })).toBe('#r:x')
  expect(targetId({ kind: 'event', room: toRoomId('!r'), eventId: toEventId('$e'), via: [] })).toBe('$e')
})

describe('a formatted body that agrees', () => {
  test.each([
    ['a Ada Lovelace b', `a ${link(ada, 'Ada Lovelace')} b`, [['Ada Lovelace', ada]]],
    ['a Ada\u00a0 Lovelace b', `<p>a ${link(ada, 'Ada Lovelace')} b</p>`, [['Ada\u00a0 Lovelace', ada]]],
    ['a Ada Lovelace b', `a ${link(ada, 'Ada  \n Lovelace')} b`, [['Ada Lovelace', ada]]],
    ['a @ada:x b', `a ${link(ada, 'Ada Lovelace')} b`, [['@ada:x', ada]]],
    ['a @Ada b', `a ${link(ada, 'Ada')} b`, [['@Ada', ada]]],
    ['a Ada b', `a ${link(ada, '@Ada')} b`, [['Ada', ada]]],
    ['a **Ada** b', `a <strong>${link(ada, 'Ada')}</strong> b`, [['Ada', ada]]],
    ['a https://matrix.to/#/%40ada%3Ax b', `a ${link(ada, 'Ada')} b`, [['https://matrix.to/#/%40ada%3Ax', ada]]],
    ['a [Ada](https://matrix.to/#/@ada:x) b', `a ${link(ada, 'Ada')} b`, [['[Ada](https://matrix.to/#/@ada:x)', ada]]],
    [
      'Ada Ada',
      `${link(ada, 'Ada')} ${link('@bob:x', 'Ada')}`,
      [
        ['Ada', ada],
        ['Ada', '@bob:x'],
      ],
    ],
    [
      'see https://example.org and Ada',
      `see <a href="https://example.org">https://example.org</a> and ${link(ada, 'Ada')}`,
      [['Ada', ada]],
    ],
    ['see [this](https://example.org) Ada', `see <a href="https://example.org">this</a> ${link(ada, 'Ada')}`, [['Ada', ada]]],
    ['Ada ', `${link('@nobody:x', '')}${link(ada, 'Ada')}`, [['Ada', ada]]],
    ['@ada:x', link(ada, '@ada:x'), [['@ada:x', ada]]],
  ])('%j %j', (body, formatted, expected) => {
    expect(found(body, formatted)).toEqual(expected)
  })
})

describe('a formatted body that disagrees, or none', () => {
  test.each([
    ['a Ada b', `a ${link(ada, 'Ada')} c`],
    ['a Ada b', `x ${link(ada, 'Ada')} b`],
    ['a Ada b more', `a ${link(ada, 'Ada')} b`],
    ['a Ada b', `a ${link(ada, 'Eve')} b`],
    ['a Ada', `a ${link(ada, 'Ada Lovelace')}`],
    ['a AdaLovelace', `a ${link(ada, 'Ada Lovelace')}`],
    // Reads as Bob, points at Ada.
    ['a @bob:x b', `a ${link(ada, '@bob:x')} b`],
    ['a Ada b', undefined],
    [`a${' Ada'.repeat(300)}`, `a${` ${link(ada, 'Ada')}`.repeat(300)}`],
    ['a Ada b', `a ${link(ada, 'Ada')} b${' '.repeat(70_000)}`],
  ])('%j', (body, formatted) => {
    expect(found(body, formatted)).toEqual([])
  })

  test('Markdown mentions in the plain body count alone', () => {
    expect(found('a [Ada [mod]](https://matrix.to/#/@ada:x) [b](<matrix:u/bob:x>)')).toEqual([
      ['[Ada [mod]](https://matrix.to/#/@ada:x)', ada],
      ['[b](<matrix:u/bob:x>)', '@bob:x'],
    ])
    expect(found('[a](https://example.org) [b](https://matrix.to/#/@ada:x c](https://matrix.to/#/@ada:x) [d](')).toEqual([])
    expect(found('[Ada](https://matrix.to/#/@ada:x)](https://matrix.to/#/@bob:x)')).toEqual([['[Ada](https://matrix.to/#/@ada:x)', ada]])
  })
})

test('only the first links of a message are looked at', () => {
  const one = '[a](matrix:u/ada:x)'
  expect(findPills(one.repeat(300), undefined, 0).pills).toHaveLength(256)
})

test('which link a formatted body begins with', () => {
  expect(findPills('x', ` ${link(ada, 'Ada')}`, 0).leading).toEqual({ kind: 'user', userId: ada })
  expect(findPills('x', `x ${link(ada, 'Ada')}`, 0).leading).toBeUndefined()
  expect(findPills('x', '<a href="https://example.org">x</a>', 0).leading).toBeUndefined()
  expect(findPills('x', 'x', 0).leading).toBeUndefined()
})
