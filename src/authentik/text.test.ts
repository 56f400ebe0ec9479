import { assert, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { publicFlowLink } from './links.ts'
import { folded, invitationName, matchesWords, searchWords } from './text.ts'

describe('search words', () => {
  test.each([
    ['ada lovelace', ['ada', 'lovelace']],
    ['username ~ "ada" and is_active = True', ['username', 'ada', 'and', 'is_active', 'True']],
    ['ada, l.', ['ada', 'l.']],
    ['a\0b\tc', ['a', 'b', 'c']],
    ['ada+x@example.org', ['ada+x@example.org']],
    [' () ', []],
  ])('%j', (text, words) => {
    expect(searchWords(text)).toEqual(words)
  })

  test('nothing of the query language survives', () => {
    assert(property(string({ unit: 'binary' }), (text) => !/[=~!<>()"'\0\s,]/.test(searchWords(text).join(''))))
  })

  test('every word must be in some text', () => {
    expect(matchesWords(['ADA', 'org'], ['ada', '', 'x@y.org'])).toBe(true)
    expect(matchesWords(['ada', 'zoe'], ['ada'])).toBe(false)
  })
})

test('folding makes letter case and width the same', () => {
  expect(folded('ＡdA')).toBe(folded('ada'))
})

describe('names of invitations', () => {
  test.each([
    ['onboard Ada', 'onboard-Ada'],
    ['Zoë & @mod:example.org', 'Zoe-mod-example-org'],
    ['', 'invitation'],
    ['✓', 'invitation'],
  ])('%j becomes %j', (text, name) => {
    expect(invitationName(text)).toBe(name)
  })

  test('always fit for Authentik', () => {
    assert(property(string({ unit: 'binary', maxLength: 200 }), (text) => /^[-a-zA-Z0-9_]{1,50}$/.test(invitationName(text))))
  })
})

describe('links to flows', () => {
  const link = (given: string) => publicFlowLink(given, 'https://id.example.org', 'http://authentik-server:9000')

  test.each([
    ['https://id.example.org/if/flow/recovery/?flow_token=x', 'https://id.example.org/if/flow/recovery/?flow_token=x'],
    ['http://id.example.org/if/flow/recovery/?flow_token=x', 'https://id.example.org/if/flow/recovery/?flow_token=x'],
    ['http://authentik-server:9000/if/flow/recovery/?flow_token=x', 'https://id.example.org/if/flow/recovery/?flow_token=x'],
  ])('%s is made public', (given, expected) => {
    expect(link(given)).toEqual({ ok: true, link: expected })
  })

  test('path prefixes on either side', () => {
    expect(publicFlowLink('http://inside/auth/if/flow/r/?flow_token=x', 'https://example.org/sso/', 'http://inside/auth')).toEqual({
      ok: true,
      link: 'https://example.org/sso/if/flow/r/?flow_token=x',
    })
  })

  test.each([
    'https://evil.example/if/flow/recovery/?flow_token=x',
    'https://id.example.org.evil.example/if/flow/r/',
    'https://id.example.org@evil.example/if/flow/r/',
    'https://user:pass@id.example.org/if/flow/r/',
    'https://id.example.org/if/admin/',
    'https://id.example.org/if/flow/../../evil/',
    'https://id.example.org/x/if/flow/r/',
    'javascript:alert(1)',
    'not a link',
  ])('%s is refused', (given) => {
    expect(link(given)).toMatchObject({ ok: false })
  })
})
