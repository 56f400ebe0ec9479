import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RoomId, UserId } from '../types.ts'
import { isUserId, toRoomAlias, toRoomId, toUserId } from './ids.ts'
import { parseMatrixLink, roomLink, userLink } from './links.ts'

describe('reading links', () => {
  test.each([
    ['https://matrix.to/#/@ada:example.org', '@ada:example.org'],
    ['https://matrix.to/#/%40ada%3Aexample.org', '@ada:example.org'],
    ['http://www.matrix.to/#@ada:example.org', '@ada:example.org'],
    ['HTTPS://MATRIX.TO/#/@Ada:example.org', '@Ada:example.org'],
    ['https://matrix.to/#/@ada:example.org?via=example.org', '@ada:example.org'],
    ['https://matrix.to/#/@ada:example.org/', '@ada:example.org'],
    ['https://matrix.to/#/%40a%2Fb%3Aexample.org', '@a/b:example.org'],
    ['matrix:u/ada:example.org', '@ada:example.org'],
    ['matrix:user/ada:example.org?action=chat', '@ada:example.org'],
    ['MATRIX:U/ada%3Aexample.org', '@ada:example.org'],
    ['matrix://matrix.org/u/ada:example.org', '@ada:example.org'],
    ['matrix:u/ada:example.org#fragment', '@ada:example.org'],
  ])('person: %s', (link, userId) => {
    expect(parseMatrixLink(link)).toEqual({ kind: 'user', userId })
  })

  test('rooms keep their via servers, bad ones left out', () => {
    expect(parseMatrixLink('https://matrix.to/#/!abc%3Aexample.org?via=one.org&via=two.org%3A8448&via=no%20server&via=%&x=y')).toEqual({
      kind: 'room',
      roomId: '!abc:example.org',
      via: ['one.org', 'two.org:8448'],
    })
    expect(parseMatrixLink('https://matrix.to/#/!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM')).toMatchObject({ kind: 'room', via: [] })
    expect(parseMatrixLink('matrix:roomid/abc:example.org?via=one.org')).toEqual({
      kind: 'room',
      roomId: '!abc:example.org',
      via: ['one.org'],
    })
    expect(parseMatrixLink('matrix:r/indoc:example.org')).toEqual({ kind: 'alias', alias: '#indoc:example.org', via: [] })
    expect(parseMatrixLink('https://matrix.to/#/#indoc:example.org')).toEqual({ kind: 'alias', alias: '#indoc:example.org', via: [] })
  })

  test('events', () => {
    const event = { kind: 'event', room: '!abc:example.org', eventId: '$ev/ent', via: ['one.org'] }
    expect(parseMatrixLink('https://matrix.to/#/!abc:example.org/$ev/ent?via=one.org')).toEqual(event)
    expect(parseMatrixLink('https://matrix.to/#/%21abc%3Aexample.org/%24ev%2Fent?via=one.org')).toEqual(event)
    expect(parseMatrixLink('matrix:roomid/abc:example.org/e/ev%2Fent?via=one.org')).toEqual(event)
    expect(parseMatrixLink('matrix:r/indoc:example.org/event/ev')).toMatchObject({
      kind: 'event',
      room: '#indoc:example.org',
      eventId: '$ev',
    })
  })

  test.each([
    '',
    '@ada:example.org',
    'https://example.org/#/@ada:example.org',
    'https://matrix.to.evil.example/#/@ada:example.org',
    'https://matrix.to/',
    'https://matrix.to/#/',
    'https://matrix.to/#/ada',
    'https://matrix.to/#/%40ada%',
    'https://matrix.to/#/%40ada%3Aexa%ZZmple.org',
    'https://matrix.to/#/%ff',
    'https://matrix.to/#/!abc:example.org/event',
    'https://matrix.to/#/!abc:example.org/%',
    'https://matrix.to/#/@ada:example.org/$event',
    'matrix:',
    'matrix:u',
    'matrix:u/',
    'matrix:u/%',
    'matrix:%/ada:example.org',
    'matrix://example.org',
    'matrix:x/ada:example.org',
    'matrix:__proto__/ada:example.org',
    'matrix:roomid/abc/e',
    'matrix:roomid/abc/x/event',
    'matrix:roomid/abc/e/%',
    'matrix:roomid/abc/e/event/more',
    `https://matrix.to/#/@ada:example.org?${'a'.repeat(2048)}`,
  ])('nowhere: %s', (link) => {
    expect(parseMatrixLink(link)).toBeUndefined()
  })

  test('never throws', () => {
    fc.assert(
      fc.property(fc.constantFrom('https://matrix.to/#/', 'matrix:', ''), fc.string({ unit: 'binary' }), (start, rest) => {
        parseMatrixLink(start + rest)
      }),
    )
  })
})

describe('making links', () => {
  test('everything is percent-encoded', () => {
    expect(userLink(toUserId('@ada:example.org'))).toBe('https://matrix.to/#/%40ada%3Aexample.org')
    expect(roomLink(toRoomId('!abc'), ['one.org', 'two.org:8448', 'three.org', 'four.org'])).toBe(
      'https://matrix.to/#/%21abc?via=one.org&via=two.org%3A8448&via=three.org',
    )
    expect(roomLink(toRoomAlias('#indoc:example.org'))).toBe('https://matrix.to/#/%23indoc%3Aexample.org')
    expect(userLink('@"><script>\'()*\uD800:x' as UserId)).toMatch(/^https:\/\/matrix\.to\/#\/[A-Za-z0-9%_.~-]+$/)
  })
  test('what is made is read back', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 40 }).map((local) => `@${local}:example.org`),
        (id) => {
          fc.pre(isUserId(id))
          expect(parseMatrixLink(userLink(id))).toEqual({ kind: 'user', userId: id })
        },
      ),
    )
    fc.assert(
      fc.property(fc.base64String({ minLength: 4 }), (local) => {
        const roomId = `!${local}` as RoomId
        expect(parseMatrixLink(roomLink(roomId, ['one.org']))).toEqual({ kind: 'room', roomId, via: ['one.org'] })
      }),
    )
  })
})
