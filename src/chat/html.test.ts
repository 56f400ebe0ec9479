import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { flattenHtml } from './html.ts'

test.each([
  ['plain', 'plain'],
  ['<b>bold</B> <i>it</i>', 'bold it'],
  ['one<br>two<br/>three', 'one\ntwo\nthree'],
  ['<p>one</p><p>two</p>', '\none\n\ntwo\n'],
  ['a &lt;b&gt; &amp;amp; &quot;c&quot; &apos;d&#39; e&nbsp;f &#x1F600; &#128512;', `a <b> &amp; "c" 'd' e\u00a0f 😀 😀`],
  ['&unknown; &#0; &#xD800; &#x110000; &#1114112; &copy;', '&unknown; \ufffd \ufffd \ufffd \ufffd &copy;'],
  ['<mx-reply><blockquote><a href="https://x">quoted</a> 1 < 2</blockquote></mx-reply>!ping', '!ping'],
  ['1 < 2 <3', '1 < 2 <3'],
  ['a<!-- <b> -->b', 'ab'],
  ['a<!-- never closed', 'a'],
  ['a<b', 'a'],
  ['a<b title="never closed', 'a'],
  ['<!doctype html>x', 'x'],
  ['a<', 'a<'],
])('%j reads as %j', (html, text) => {
  expect(flattenHtml(html).text).toBe(text)
})

test('links, with every way to write the attribute', () => {
  const { text, links } = flattenHtml(
    `<a href="https://a.example/?x=1&amp;y=2">A</a> <A class=x HREF='b'>B</A> <a rel href = c target=_blank>C</a> <a>none</a> <a href="d" href="e">D`,
  )
  expect(text).toBe('A B C none D')
  expect(links.map(({ start, end, href }) => [text.slice(start, end), href])).toEqual([
    ['A', 'https://a.example/?x=1&y=2'],
    ['B', 'b'],
    ['C', 'c'],
    ['D', 'd'],
  ])
})

test('a link ends where the next begins', () => {
  const { text, links } = flattenHtml('<a href="a">A<a href="b">B</a></a>')
  expect(links.map(({ start, end, href }) => [text.slice(start, end), href])).toEqual([
    ['A', 'a'],
    ['B', 'b'],
  ])
})

test('never throws, and links lie inside the text', () => {
  const parts = fc.constantFrom(
    '<',
    '>',
    '"',
    "'",
    '=',
    ' ',
    '/',
    'a',
    'href',
    '<a href="',
    '</a>',
    '<!--',
    '-->',
    '&',
    '&lt;',
    '<mx-reply>',
    'é',
  )
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 60 }), (pieces) => {
      const { text, links } = flattenHtml(pieces.join(''))
      for (const { start, end } of links) expect(start <= end && end <= text.length).toBe(true)
    }),
  )
})

test.each(['<a ', '<', '&', '<a href="', '<!--', '<a href=x', '</', '<a ='])('many %j are read in linear time', (piece) => {
  const started = performance.now()
  flattenHtml(piece.repeat(Math.floor(65_536 / piece.length)))
  expect(performance.now() - started).toBeLessThan(1000)
})
