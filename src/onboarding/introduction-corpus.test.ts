import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readIntroduction } from './introduction.ts'

// The texts and what is expected of them stand in tests/fixtures/introductions, whose README says how.

const folder = new URL('../../tests/fixtures/introductions/', import.meta.url)

interface Case {
  readonly what: string
  readonly text: string
  readonly expected: string
}

const casesIn = (file: string): readonly Case[] =>
  readFileSync(new URL(file, folder), 'utf8')
    .split(/^%%% /mu)
    .slice(1)
    .map((block) => {
      const [what = '', ...rest] = block.split('\n')
      const at = rest.findLastIndex((line) => line.startsWith('=> '))
      const text = rest.slice(0, at).join('\n').replaceAll('\n~~~\n', '\n\n')
      return { what, text, expected: (rest[at] ?? '').slice(3).trim() }
    })

const outcome = (text: string): string => {
  const { isIntroduction, name, organization, invitedBy, email, interests, linkedin } = readIntroduction(text)
  if (!isIntroduction) return 'NO'
  return [name, organization, invitedBy, email, interests.join('; '), linkedin].map((value) => value ?? '-').join(' ~ ')
}

const spaced = (line: string): string => line.replaceAll(/\s*~\s*/gu, ' ~ ')

for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt')))
  describe(file, () => {
    test.each(casesIn(file).map(({ what, text, expected }): [string, string, string] => [what, text, expected]))(
      '%s',
      (_what, text, expected) => expect(spaced(outcome(text))).toBe(spaced(expected)),
    )
  })

test('there are enough of them', () => {
  expect(casesIn('none.txt').length).toBeGreaterThanOrEqual(80)
  expect(readdirSync(folder).flatMap(casesIn).length).toBeGreaterThanOrEqual(330)
})

test('what was taken out of sentences is marked, each field, so that a moderator confirms it', () => {
  for (const { text } of casesIn('sentences.txt')) {
    const { email, guesses, interests } = readIntroduction(text)
    expect(guesses).toContainEqual({ field: 'name', code: 'sentence' })
    if (email !== null) expect(guesses).toContainEqual({ field: 'email', code: 'sentence' })
    if (interests.length > 0) expect(guesses).toContainEqual({ field: 'interests', code: 'sentence' })
  }
})

test('no address and no telephone number in what INDOC may read, and no address that does not stand in the text', () => {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt')))
    for (const { text } of casesIn(file)) {
      const { name, organization, invitedBy, interests, email, guesses } = readIntroduction(text)
      const shown = [name, organization, invitedBy, ...interests].join('\n')
      expect(shown).not.toMatch(/[\p{L}\p{N}]@[\p{L}\p{N}]/u)
      expect(shown).not.toMatch(/\+?[0-9](?:[\s()-]{0,2}[0-9]){7,}/u)
      if (email === null || guesses.some(({ code }) => code === 'ending')) continue
      expect(text).toContain(email)
    }
})

test('a line of 100 KB takes no long time', () => {
  const begun = performance.now()
  const pieces = [
    "I'm Ada ",
    'from ',
    'and ',
    'Mo invited me ',
    'my email ',
    'interested in ',
    'Name: ',
    'A. ',
    '<b>',
    '&amp;',
    '#a ',
    'a, ',
    '| ',
    '[a](',
    'a) ',
    '…',
  ]
  for (const piece of pieces) {
    readIntroduction(piece.repeat(100_000 / piece.length))
    // As long as a text in sentences may be.
    readIntroduction(`Hi, I am Ada from ${piece.repeat(900 / piece.length)}, ada@example.org`)
    readIntroduction(`Ada, Engines, Mo, ada@example.org, ${piece.repeat(500 / piece.length)}`)
  }
  expect(performance.now() - begun).toBeLessThan(8_000)
})
