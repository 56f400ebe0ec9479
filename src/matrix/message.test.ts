import { describe, expect, test } from 'vitest'
import type { EventId, JsonObject, UserId } from '../types.ts'
import { editContent, messageContent, readRelations } from './message.ts'

const id = (name: string): EventId => `$${name}` as EventId
const ada = '@ada:x' as UserId

describe('contents', () => {
  test('mentions are always there: without them older push rules search the text', () => {
    expect(messageContent({ body: 'hello @room' }, 'm.notice')).toEqual({ msgtype: 'm.notice', body: 'hello @room', 'm.mentions': {} })
    expect(messageContent({ body: 'x', mentions: [ada, ada] }, 'm.text')['m.mentions']).toEqual({ user_ids: [ada] })
    expect(messageContent({ body: 'x', mentions: { user_ids: [ada] } }, 'm.text')['m.mentions']).toEqual({ user_ids: [ada] })
    expect(messageContent({ body: 'x', mentions: {} }, 'm.text')['m.mentions']).toEqual({})
  })

  test('a reply, and a reply in a thread', () => {
    expect(messageContent({ body: 'x' }, 'm.notice', { eventId: id('q') })['m.relates_to']).toEqual({ 'm.in_reply_to': { event_id: '$q' } })
    expect(messageContent({ body: 'x' }, 'm.notice', { eventId: id('q'), threadRoot: id('root') })['m.relates_to']).toEqual({
      rel_type: 'm.thread',
      event_id: '$root',
      is_falling_back: true,
      'm.in_reply_to': { event_id: '$q' },
    })
  })

  test('an edit replaces the original and mentions nobody a second time', () => {
    const edit = editContent(id('first'), { body: 'done', formattedBody: '<b>done</b>', mentions: [ada] }, 'm.notice')
    expect(edit).toMatchObject({
      body: '* done',
      formatted_body: '* <b>done</b>',
      'm.new_content': { body: 'done', formatted_body: '<b>done</b>' },
      'm.relates_to': { rel_type: 'm.replace', event_id: '$first' },
    })
    expect((edit['m.new_content'] as JsonObject)['m.relates_to']).toBeUndefined()
  })
})

describe('relations of others', () => {
  test.each<[string, JsonObject, Partial<ReturnType<typeof readRelations>>]>([
    ['none', {}, { replyTo: undefined, threadRoot: undefined, isEdit: false }],
    ['a reply', { 'm.relates_to': { 'm.in_reply_to': { event_id: '$a' } } }, { replyTo: id('a') }],
    [
      'the fallback reply of a thread is none',
      { 'm.relates_to': { rel_type: 'm.thread', event_id: '$t', is_falling_back: true, 'm.in_reply_to': { event_id: '$a' } } },
      { replyTo: undefined, threadRoot: id('t') },
    ],
    [
      'a real reply in a thread',
      { 'm.relates_to': { rel_type: 'm.thread', event_id: '$t', 'm.in_reply_to': { event_id: '$a' } } },
      { replyTo: id('a'), threadRoot: id('t') },
    ],
    ['an edit', { 'm.relates_to': { rel_type: 'm.replace', event_id: '$a' } }, { isEdit: true, threadRoot: undefined }],
    ['an edit whose relation is missing', { 'm.new_content': { body: 'x' } }, { isEdit: true }],
    ['nonsense', { 'm.relates_to': 'x' }, { replyTo: undefined }],
    ['no event id', { 'm.relates_to': { 'm.in_reply_to': { event_id: 'a' } } }, { replyTo: undefined }],
    ['a list', { 'm.relates_to': { 'm.in_reply_to': { event_id: ['$a'] } } }, { replyTo: undefined }],
  ])('%s', (_what, content, expected) => {
    expect(readRelations(content)).toMatchObject(expected)
  })

  test('what is inherited counts for nothing', () => {
    const content = Object.create({ 'm.relates_to': { 'm.in_reply_to': { event_id: '$a' } } }) as JsonObject
    expect(readRelations(content).replyTo).toBeUndefined()
  })
})
