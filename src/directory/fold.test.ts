import { describe, expect, test } from 'vitest'
import { fold, hasWords, words } from './fold.ts'

test.each([
  ['Zoë', 'zoe'],
  ['  Über  den\u00a0Wolken ', 'uber den wolken'],
  ['STRASSE Straße', 'strasse strasse'],
  ['Łódź Ærø', 'lodz aero'],
  ['ﬁne Ｆｕｌｌ', 'fine full'],
  ['', ''],
])('folds %j to %j', (text, folded) => {
  expect(fold(text)).toBe(folded)
})

test.each([
  ['Hiking & Bouldering, C++', ['hiking', 'bouldering', 'c++']],
  ['C# / .NET', ['c#', 'net']],
  ['#hiking +1', ['hiking', '1']],
  ['🎉', []],
])('words of %j', (text, expected) => {
  expect(words(text)).toEqual(expected)
})

describe('hasWords', () => {
  test.each([
    ['machine learning club', 'learning', true],
    ['machine learning club', 'machine learning', true],
    ['machine learning club', 'learning machine', false],
    ['training', 'ai', false],
    ['learning', 'machine learning', false],
    ['anything', '', false],
  ])('%j has %j: %s', (text, run, expected) => {
    expect(hasWords(words(text), words(run))).toBe(expected)
  })
})
