import { describe, expect, test } from 'vitest'
import { isEventId, isRoomAlias, isRoomId, isServerName, isUserId, toEventId, toRoomAlias, toRoomId, toUserId } from './ids.ts'

describe('server names', () => {
  test.each(['example.org', 'example.org:8448', 'localhost', '127.0.0.1:8008', '[::1]', '[2001:db8::1]:8448', 'sub-domain.example.org'])(
    '%s',
    (name) => {
      expect(isServerName(name)).toBe(true)
    },
  )
  test.each([
    '',
    ':8448',
    'exa mple',
    'example.org:',
    'example.org:port',
    'example.org:123456',
    '[::1',
    '[....]',
    '[zz]',
    'ex_ample',
    '::1',
  ])('not %s', (name) => {
    expect(isServerName(name)).toBe(false)
  })
})

describe('user ids', () => {
  test.each([
    '@ada:example.org',
    '@ada:example.org:8448',
    '@ada:[::1]:8448',
    '@Ada_L=/+.-1:example.org',
    '@signal_0c7a:example.org',
    // Historical: other characters, and no local part at all.
    '@Zoë Müller:example.org',
    '@ada@example.org:example.org',
    '@:example.org',
  ])('%s', (id) => {
    expect(isUserId(id)).toBe(true)
    expect(toUserId(id)).toBe(id)
  })
  test.each(['', '@', '@ada', 'ada:example.org', '@ada:', '@ada:exa mple', '@ada:example.org:', '@a\0:example.org', '@\uD800:example.org'])(
    'not %j',
    (id) => {
      expect(isUserId(id)).toBe(false)
      expect(() => toUserId(id)).toThrow(TypeError)
    },
  )
  test('255 bytes, not characters, are the limit', () => {
    const server = ':example.org'
    expect(isUserId(`@${'a'.repeat(254 - server.length)}${server}`)).toBe(true)
    expect(isUserId(`@${'a'.repeat(255 - server.length)}${server}`)).toBe(false)
    expect(isUserId(`@${'é'.repeat(140)}${server}`)).toBe(false)
  })
})

describe('room ids, aliases and event ids', () => {
  test('room ids are opaque, with and without a server part', () => {
    expect(isRoomId('!abc:example.org')).toBe(true)
    expect(isRoomId('!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM')).toBe(true)
    expect(isRoomId('!')).toBe(false)
    expect(isRoomId('!a b:example.org')).toBe(false)
    expect(isRoomId('abc:example.org')).toBe(false)
    expect(isRoomId(`!${'a'.repeat(255)}`)).toBe(false)
    expect(isRoomId('!\uD800')).toBe(false)
    expect(toRoomId('!abc')).toBe('!abc')
  })
  test('aliases need a server', () => {
    expect(isRoomAlias('#indoc:example.org')).toBe(true)
    expect(isRoomAlias('#indoc')).toBe(false)
    expect(isRoomAlias('indoc:example.org')).toBe(false)
    expect(isRoomAlias(`#${'a'.repeat(255)}:example.org`)).toBe(false)
    expect(isRoomAlias('#a\0:example.org')).toBe(false)
    expect(toRoomAlias('#indoc:example.org')).toBe('#indoc:example.org')
  })
  test('event ids of every room version', () => {
    expect(isEventId('$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg')).toBe(true)
    expect(isEventId('$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk')).toBe(true)
    expect(isEventId('$143273582443PhrSn:example.org')).toBe(true)
    expect(isEventId('$')).toBe(false)
    expect(isEventId('abc')).toBe(false)
    expect(() => toEventId('abc')).toThrow('invalid event id: "abc"')
  })
})
