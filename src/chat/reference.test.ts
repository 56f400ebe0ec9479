import { describe, expect, test } from 'vitest'
import { parseMatrixLink } from '../matrix/links.ts'
import { readRoom, readUser, splitAtCommas, splitUsers } from './reference.ts'
import { textOf, type Piece } from './tokenise.ts'

const free = (text: string): Piece => ({ text, quoted: false, start: 0, end: text.length })
const quoted = (text: string): Piece => ({ ...free(text), quoted: true })
const pill = (text: string, link: string): Piece => {
  const target = parseMatrixLink(link)
  if (!target) throw new Error(link)
  return { ...free(text), pill: { start: 0, end: text.length, text, target } }
}
const ada = pill('Ada', 'matrix:u/ada:x')
const tech = pill('Tech', 'matrix:roomid/tech:x?via=one.org')

describe('people', () => {
  test.each([
    ['@ada:x', 'mxid', '@ada:x'],
    ['@ada:x:', 'mxid', '@ada:x'],
    ['@ada:example.org.', 'mxid', '@ada:example.org'],
    ['@ada:example.org?', 'mxid', '@ada:example.org'],
    ['@ada:x,', 'mxid', '@ada:x'],
    ['(@ada:x)', 'mxid', '@ada:x'],
    ['2.', 'row', '2'],
    [' <https://matrix.to/#/@ada:x> ', 'mxid', '@ada:x'],
    ['ada', 'username', 'ada'],
    ['@Ada', 'username', 'Ada'],
    ['ada@example.org', 'username', 'ada@example.org'],
    ['Zoë Müller', 'username', 'Zoë Müller'],
    ['12345', 'username', '12345'],
    ['2', 'row', '2'],
    ['#2', 'row', '2'],
    ['02', 'row', '2'],
    ['#K3', 'handle', 'k3'],
  ])('%j', (text, as, value) => {
    expect(readUser([free(text)])).toMatchObject({ ok: true, value: { as, value } })
  })
  test.each([
    '',
    ' ',
    '0',
    '#0',
    '#tech',
    '#tech:x',
    '!room',
    '@',
    '@a:',
    '@a:b c',
    'https://example.org',
    'matrix:u/',
    'matrix:r/tech:x',
    'x'.repeat(256),
  ])('not %j', (text) => {
    expect(readUser([free(text)])).toMatchObject({ ok: false, words: expect.stringMatching(/\w/) })
  })
  test('pills, with what clients put after them', () => {
    expect(readUser([ada])).toEqual({ ok: true, value: { raw: 'Ada', as: 'mxid', value: '@ada:x' } })
    expect(readUser([ada, free(': ')])).toMatchObject({ ok: true })
    expect(readUser([tech])).toEqual({ ok: false, words: '“Tech” is a room, not a person' })
    expect(readUser([free('x'), ada])).toMatchObject({ value: { as: 'username', value: 'xAda' } })
  })
})

describe('rooms', () => {
  test.each([
    ['!room:x', 'id', '!room:x'],
    ['#tech:x', 'alias', '#tech:x'],
    ['#tech', 'name', 'tech'],
    ['General chat', 'name', 'General chat'],
    ['Here', 'here', 'here'],
    ['matrix:r/tech:x', 'alias', '#tech:x'],
    ['https://matrix.to/#/!room:x/$event', 'id', '!room:x'],
  ])('%j', (text, as, value) => {
    expect(readRoom([free(text)])).toMatchObject({ ok: true, value: { as, value } })
  })
  test('a quoted “here” is a name; a link keeps its servers', () => {
    expect(readRoom([quoted('here')])).toMatchObject({ value: { as: 'name' } })
    expect(readRoom([tech])).toEqual({ ok: true, value: { raw: 'Tech', as: 'id', value: '!tech:x', via: ['one.org'] } })
    expect(readRoom([free('matrix:roomid/tech:x')])).toEqual({
      ok: true,
      value: { raw: 'matrix:roomid/tech:x', as: 'id', value: '!tech:x' },
    })
  })
  test.each(['', '#', '@ada:x', 'matrix:u/ada:x', 'https://example.org', 'x'.repeat(256)])('not %j', (text) => {
    expect(readRoom([free(text)])).toMatchObject({ ok: false })
  })
})

describe('lists', () => {
  const split = (...pieces: readonly Piece[]): readonly string[] => splitAtCommas(pieces).map(textOf)
  test('commas of every script separate, quotes hold together', () => {
    expect(split(free('a,b،c、d，e'))).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(split(quoted('a, b'))).toEqual(['a', ' b'])
    expect(split(quoted('a, b'), free(',c'))).toEqual(['a, b', 'c'])
    expect(split(free(', ,a,')).map((item) => item.trim())).toEqual(['a'])
    expect(split(free('a'), free(' '), ada, free(','), quoted(' '))).toEqual(['a Ada'])
    expect(split()).toEqual([])
    expect(split(pill('A, B', 'matrix:u/ada:x'))).toEqual(['A, B'])
  })
  test('mentions that touch are two people', () => {
    expect(splitUsers([ada, free(' '), ada, free(':,'), ada]).map(textOf)).toEqual(['Ada', 'Ada', 'Ada'])
    expect(splitUsers([ada, free('x'), ada]).map(textOf)).toEqual(['AdaxAda'])
    expect(splitUsers([free(':')]).map(textOf)).toEqual([':'])
  })
})
