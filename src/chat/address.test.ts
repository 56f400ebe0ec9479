import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toUserId } from '../matrix/ids.ts'
import { determine, type AddressContext, type IncomingText } from './address.ts'

const bot = toUserId('@gate:example.org')
const context: AddressContext = { prefixes: ['!'], botUserId: bot, botNames: ['Gatehouse'] }
const pill = (id: string, text: string): string => `<a href="https://matrix.to/#/${id}">${text}</a>`
const run = (body: string, formattedBody?: string, more: Partial<IncomingText> = {}, where = context) =>
  determine({ body, msgtype: 'm.text', isEdit: false, ...(formattedBody !== undefined && { formattedBody }), ...more }, where)

describe('what begins a command', () => {
  test.each([
    ['!ping', 'ping', 'prefix'],
    ['  !ping  ', 'ping', 'prefix'],
    ['\u00a0\u200b\u2068!ping\u2069', 'ping\u2069', 'prefix'],
    ['!Remove @a:x', 'Remove @a:x', 'prefix'],
    ['!invitex', 'invitex', 'prefix'],
    ['！ping', 'ping', 'prefix'],
    ['!ping\nmore', 'ping\nmore', 'prefix'],
    ['!größe', 'größe', 'prefix'],
    ['Gatehouse: rooms', 'rooms', 'name'],
    ['gatehouse, rooms', 'rooms', 'name'],
    ['GATEHOUSE rooms', 'rooms', 'name'],
    ['Gatehouse : rooms', 'rooms', 'name'],
    ['Gatehouse：rooms', 'rooms', 'name'],
    ['@Gatehouse rooms', 'rooms', 'name'],
    ['@gate: rooms', 'rooms', 'name'],
    ['@gate:example.org rooms', 'rooms', 'name'],
    ['@gate:example.org: !rooms', 'rooms', 'name'],
    ['Gatehouse: !rooms', 'rooms', 'name'],
  ])('%j', (body, line, by) => {
    const found = run(body)
    expect(found).toMatchObject({ kind: 'command', line, by, pills: [] })
    if (found.kind === 'command') expect(body.slice(found.offset)).toContain(line)
  })

  test.each([
    ['', 'empty'],
    [' \n\t', 'empty'],
    ['hello', 'not-addressed'],
    ['thanks!', 'not-addressed'],
    ['please !ping', 'not-addressed'],
    ['> !ping', 'not-addressed'],
    ['> !ping\n\n!ping', 'not-addressed'],
    ['* !ping', 'not-addressed'],
    ['Gatehouses: rooms', 'not-addressed'],
    ["Gatehouse's rooms", 'not-addressed'],
    ['Gatehouse-bot rooms', 'not-addressed'],
    ['the Gatehouse: rooms', 'not-addressed'],
    ['@gate:example.organic rooms', 'not-addressed'],
    ['@gate:', 'no-command'],
    ['!', 'no-command'],
    ['!!', 'no-command'],
    ['!!ping', 'no-command'],
    ['! ping', 'no-command'],
    ['!1', 'no-command'],
    ['!?', 'no-command'],
    ['!"ping"', 'no-command'],
    ['Gatehouse', 'no-command'],
    ['Gatehouse: 👍', 'no-command'],
    ['!abcDEF:example.org', 'no-command'],
    ['!abcDEF:example.org:8448 is the room', 'no-command'],
    ['!m31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM', 'no-command'],
    ['x'.repeat(65_537), 'too-long'],
  ])('ignored: %j', (body, why) => {
    expect(run(body)).toEqual({ kind: 'ignored', why })
  })

  test('notices, media and edits are ignored', () => {
    expect(run('!ping', undefined, { msgtype: 'm.notice' })).toEqual({ kind: 'ignored', why: 'notice' })
    expect(run('!ping', undefined, { msgtype: 'm.emote' })).toEqual({ kind: 'ignored', why: 'not-text' })
    expect(run('!ping', undefined, { isEdit: true })).toEqual({ kind: 'ignored', why: 'edit' })
  })

  test('the quoted lines of a reply are left out', () => {
    const body = '> <@ada:example.org> !remove @bob:example.org\n> more\n\n!ping'
    expect(run(body)).toMatchObject({ kind: 'command', line: 'ping', offset: body.length - 4 })
    expect(run(body, `<mx-reply><blockquote>!remove</blockquote></mx-reply>!ping`)).toMatchObject({ line: 'ping' })
    expect(run('> * <@ada:example.org> waves\n\n!ping')).toMatchObject({ line: 'ping' })
    expect(run('> <@ada:example.org> !ping\n\nthanks')).toEqual({ kind: 'ignored', why: 'not-addressed' })
    expect(run('> <@ada:example.org> !ping')).toEqual({ kind: 'ignored', why: 'empty' })
  })

  test('other prefixes: the longest wins, a word needs a boundary', () => {
    const other = { ...context, prefixes: ['!', '!gh', 'bot', ''] }
    expect(run('!gh ping', undefined, {}, other)).toMatchObject({ line: 'ping' })
    expect(run('BOT: ping', undefined, {}, other)).toMatchObject({ line: 'ping' })
    expect(run('bots ping', undefined, {}, other)).toMatchObject({ kind: 'ignored' })
    expect(run('bot', undefined, {}, other)).toMatchObject({ kind: 'ignored' })
    expect(run('ping', undefined, {}, { ...context, prefixes: [] })).toMatchObject({ kind: 'ignored' })
  })
})

describe('pills', () => {
  test.each([
    ['Gatehouse: rooms', `${pill('@gate:example.org', 'Gatehouse')}: rooms`],
    ['Gatehouse: rooms', `${pill('%40gate%3Aexample.org', 'Gatehouse:')} rooms`],
    ['The Porter, rooms', `${pill('@gate:example.org', 'The Porter')}, rooms`],
    ['@gate:example.org rooms', `<p>${pill('@gate:example.org', 'The Porter')} rooms</p>`],
    ['[The Porter](https://matrix.to/#/@gate:example.org): rooms', `${pill('@gate:example.org', 'The Porter')}: rooms`],
    ['[The Porter](https://matrix.to/#/@gate:example.org) rooms', undefined],
    ['The Porter rooms', '<a href="matrix:u/gate:example.org">The Porter</a> rooms'],
  ])('the bot by its pill: %j', (body, formatted) => {
    expect(run(body, formatted)).toMatchObject({ kind: 'command', line: 'rooms', by: 'pill' })
  })

  test('without a known id the bot is known by the name on its pill', () => {
    const unknown = { prefixes: ['!'], botNames: ['Gatehouse'] }
    expect(run('Gatehouse: rooms', `${pill('@gate:x', 'Gatehouse')}: rooms`, {}, unknown)).toMatchObject({ by: 'pill' })
    expect(run('Ada: rooms', `${pill('@ada:x', 'Ada')}: rooms`, {}, unknown)).toEqual({ kind: 'ignored', why: 'not-addressed' })
    expect(run('!ping', `${pill('@ada:x', 'Ada')}: x`, {}, unknown)).toEqual({ kind: 'ignored', why: 'not-addressed' })
  })

  test('a mention whose display name looks like a command is none', () => {
    const name = '!remove @bob:example.org'
    expect(run(`${name} hello`, `${pill('@evil:x', name)} hello`)).toEqual({ kind: 'ignored', why: 'not-addressed' })
    // Also when the bodies disagree about the rest.
    expect(run(`${name} hello`, `${pill('@evil:x', name)} something else`)).toEqual({ kind: 'ignored', why: 'not-addressed' })
    expect(run('Gatehouse: rooms', `${pill('@evil:x', 'Gatehouse')}: rooms`)).toEqual({ kind: 'ignored', why: 'not-addressed' })
    expect(run('!Ada', `!${pill('@ada:x', 'Ada')}`)).toEqual({ kind: 'ignored', why: 'no-command' })
    expect(run('Gatehouse: rooms', `${pill('!room:x', 'Gatehouse')}: rooms`)).toEqual({ kind: 'ignored', why: 'not-addressed' })
  })

  test('a bot pill in a formatted body that disagrees leaves the plain body to decide', () => {
    expect(run('Gatehouse: rooms', `${pill('@gate:example.org', 'Gatehouse')}: other`)).toMatchObject({ line: 'rooms', by: 'name' })
  })

  test('people named by pills keep their place in the line', () => {
    const found = run('!remove Ada Lovelace: --ban', `!remove ${pill('@ada:x', 'Ada Lovelace')}: --ban`)
    expect(found).toMatchObject({
      kind: 'command',
      line: 'remove Ada Lovelace: --ban',
      pills: [{ start: 7, end: 19, text: 'Ada Lovelace', target: { kind: 'user', userId: '@ada:x' } }],
    })
  })

  test('any text and any formatted body is decided without an exception, in time', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 })
    fc.assert(
      fc.property(fc.constantFrom('!', 'Gatehouse: ', '> <@a:x> ', '[', ''), text, text, (start, body, formatted) => {
        const found = run(start + body, formatted)
        if (found.kind === 'command') expect((start + body).slice(found.offset).startsWith(found.line)).toBe(true)
      }),
    )
    for (const piece of ['](', '[](', '<a href=x>', '> ', '*', ' ']) {
      const started = performance.now()
      run(`!x ${piece.repeat(10_000)}`, `!x ${piece.repeat(10_000)}`)
      expect(performance.now() - started).toBeLessThan(2000)
    }
  })
})
