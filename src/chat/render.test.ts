import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toRoomId, toUserId } from '../matrix/ids.ts'
import { bullets, paragraph, type Answer, type Block, type Inline } from './answer.ts'
import { cleanName } from './escape.ts'
import { flattenHtml } from './html.ts'
import { renderAnswer } from './render.ts'

const ada = toUserId('@ada:example.org')
const tech = toRoomId('!tech:example.org')
const render = (blocks: readonly Block[], more: Partial<Answer> = {}) => renderAnswer({ code: 'ok', blocks, ...more })
const inline = (...inlines: readonly Inline[]) => render([paragraph(...inlines)])

describe('inlines', () => {
  test.each<[Inline, string, string]>([
    ['a <b> & "c"', 'a <b> & "c"', 'a &lt;b&gt; &amp; &quot;c&quot;'],
    ['one\r\ntwo', 'one\ntwo', 'one<br>two'],
    [{ bold: "it's" }, "it's", '<strong>it&#39;s</strong>'],
    [{ italic: 'x' }, 'x', '<em>x</em>'],
    [{ code: '<x>\ny' }, '<x> y', '<code>&lt;x&gt; y</code>'],
    [{ user: ada, name: 'Ada <3' }, 'Ada <3', '<a href="https://matrix.to/#/%40ada%3Aexample.org">Ada &lt;3</a>'],
    [{ user: ada }, '@ada:example.org', '<a href="https://matrix.to/#/%40ada%3Aexample.org">@ada:example.org</a>'],
    [{ user: ada, name: ' \n ' }, '@ada:example.org', '<a href="https://matrix.to/#/%40ada%3Aexample.org">@ada:example.org</a>'],
    // A name that pretends to be an id.
    [
      { user: ada, name: '@bob:example.org' },
      '@ada:example.org',
      '<a href="https://matrix.to/#/%40ada%3Aexample.org">@ada:example.org</a>',
    ],
    [
      { room: tech, name: 'Tech', via: ['one.org', 'two.org'] },
      'Tech',
      '<a href="https://matrix.to/#/%21tech%3Aexample.org?via=one.org&amp;via=two.org">Tech</a>',
    ],
    [{ room: tech, name: '', via: [] }, '!tech:example.org', '<a href="https://matrix.to/#/%21tech%3Aexample.org">!tech:example.org</a>'],
    [
      { link: 'https://example.org/?a=1&b=2' },
      'https://example.org/?a=1&b=2',
      '<a href="https://example.org/?a=1&amp;b=2">https://example.org/?a=1&amp;b=2</a>',
    ],
    [{ link: 'https://example.org', text: 'here' }, 'here (https://example.org)', '<a href="https://example.org">here</a>'],
    [
      { link: 'https://example.org', text: 'https://example.org' },
      'https://example.org',
      '<a href="https://example.org">https://example.org</a>',
    ],
    [{ link: 'java\nscript:alert(1)', text: 'here' }, 'here (javascript:alert(1))', 'here (javascript:alert(1))'],
  ])('%j', (part, body, html) => {
    expect(inline(part)).toEqual({ body, formattedBody: html, mentions: {} })
  })
})

describe('hostile names', () => {
  test('stay in their line, lose direction marks and control characters', () => {
    expect(cleanName('Ada\n✅ done\r\n\u2028\u0007x')).toBe('Ada ✅ done x')
    expect(cleanName('\u202egro.elpmaxe\u202c \u2066x\u2069\u200f')).toBe('gro.elpmaxe x')
    expect(cleanName('a\ud800b')).toBe('a\ufffdb')
    expect(cleanName('😀'.repeat(150))).toBe(`${'😀'.repeat(100)}…`)
  })
  test('right-to-left writing is isolated, in names and in text', () => {
    expect(cleanName('עדה לאבלייס 1')).toBe('\u2068עדה לאבלייס\u2069 1')
    expect(inline('invite آدا to Tech').body).toBe('invite \u2068آدا\u2069 to Tech')
    expect(cleanName('Zoe\u0301')).toBe('Zoe\u0301')
  })
})

describe('blocks', () => {
  test('one paragraph stands bare, several in <p>; a list follows its paragraph', () => {
    expect(
      render([paragraph('one'), bullets(['a', { bold: 'b' }], ['c\nd']), paragraph('two'), { preformatted: '<x>\n  y\u202e' }]),
    ).toEqual({
      body: 'one\n• ab\n• c\n  d\n\ntwo\n\n<x>\n  y',
      formattedBody: '<p>one</p><ul><li>a<strong>b</strong></li><li>c<br>d</li></ul><p>two</p><pre><code>&lt;x&gt;\n  y</code></pre>',
      mentions: {},
    })
    expect(render([])).toEqual({ body: '', formattedBody: '', mentions: {} })
    expect(render([{ preformatted: 'x' }]).formattedBody).toBe('<pre><code>x</code></pre>')
  })
  test('numbered lists', () => {
    expect(render([{ list: [['a'], ['b']], start: 1 }])).toMatchObject({
      body: '1. a\n2. b',
      formattedBody: '<ol><li>a</li><li>b</li></ol>',
    })
    expect(render([{ list: [['a\nb'], ['c']], start: 10 }])).toMatchObject({
      body: '10. a\n    b\n11. c',
      formattedBody: '<ol start="10"><li>a<br>b</li><li>c</li></ol>',
    })
  })
  test('the mark is the first thing', () => {
    expect(render([paragraph('done')], { mark: '✅' })).toMatchObject({ body: '✅ done', formattedBody: '✅ done' })
    expect(render([bullets(['a'])], { mark: '⚠️' })).toMatchObject({ body: '⚠️\n• a', formattedBody: '<p>⚠️</p><ul><li>a</li></ul>' })
    expect(render([], { mark: '❔' })).toMatchObject({ body: '❔', formattedBody: '❔' })
  })
  test('mentions: each once, and an empty object for nobody', () => {
    expect(render([], { mentions: [ada, ada] }).mentions).toEqual({ user_ids: [ada] })
    expect(render([], { mentions: [] }).mentions).toEqual({})
  })
})

test('whatever the text, the markup is only ours', () => {
  const allowed = /<\/?(?:p|ul|ol|li|strong|em|code|pre|br)>|<ol start="-?[0-9]+">|<a href="(?:https?|mailto|matrix):[^"<>]*">|<\/a>/g
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom(...Array.from('<>&"\'\n\u202e')), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })),
  })
  const part: fc.Arbitrary<Inline> = fc.oneof(
    text,
    text.map((bold) => ({ bold })),
    text.map((italic) => ({ italic })),
    text.map((code) => ({ code })),
    text.map((name) => ({ user: ada, name })),
    text.map((name) => ({ room: tech, name, via: [name] })),
    fc.record({
      link: fc.oneof(
        text,
        text.map((end) => `https://${end}`),
      ),
      text,
    }),
  )
  const parts = fc.array(part, { maxLength: 4 })
  const block: fc.Arbitrary<Block> = fc.oneof(
    parts.map((inlines) => ({ paragraph: inlines })),
    fc.record({ list: fc.array(parts, { maxLength: 3 }), start: fc.nat(50) }),
    text.map((preformatted) => ({ preformatted })),
  )
  fc.assert(
    fc.property(fc.array(block, { maxLength: 4 }), (blocks) => {
      const { body, formattedBody } = render(blocks)
      expect(formattedBody.replace(allowed, '')).not.toMatch(/[<>"']|&(?!(?:amp|lt|gt|quot|#39);)/)
      for (const rendered of [body, formattedBody]) expect(rendered).not.toMatch(/[\u202a-\u202e]|[^\P{Cc}\n\t]/u)
      expect(body.isWellFormed() && formattedBody.isWellFormed()).toBe(true)
      // What was escaped reads as what was said.
      expect(flattenHtml(formattedBody).text.replace(/\s/g, '').length).toBeLessThanOrEqual(body.replace(/\s/g, '').length)
    }),
    { numRuns: 200 },
  )
})
