import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CatalogueFile, describeProblem, emptyCatalogue, parseCatalogue } from './catalogue.ts'

const problems = (text: string): readonly string[] => {
  const result = parseCatalogue(text)
  return result.ok ? [] : result.problems.map((problem) => describeProblem(problem))
}

test('the catalogue that ships is good and has a dozen rooms', () => {
  const result = parseCatalogue(readFileSync(new URL('../../config/catalogue.example.yaml', import.meta.url), 'utf8'))
  expect(result.ok ? result.catalogue.rooms.length : result.problems).toBeGreaterThanOrEqual(12)
})

test('defaults', () => {
  expect(parseCatalogue('rooms:\n  - id: "!abc"\n    name: " Tech "')).toEqual({
    ok: true,
    catalogue: {
      categories: {},
      synonyms: {},
      rooms: [{ id: '!abc', name: 'Tech', keywords: [], visibility: 'members', always: false, access: 'invite' }],
    },
  })
  expect(parseCatalogue('')).toEqual({ ok: true, catalogue: emptyCatalogue })
  expect(parseCatalogue('# nothing yet')).toEqual({ ok: true, catalogue: emptyCatalogue })
})

test.each<[string, string, readonly (string | RegExp)[]]>([
  ['bad YAML', 'rooms:\n  - [', [/^line \d+: is not YAML/]],
  ['doubled key', 'rooms: []\nrooms: []', [/^line 2: is not YAML: .*unique/]],
  ['a list', '- a', [/^line 1: .*expected object/]],
  ['unknown key at the top', 'rooms: []\nroms: []', ['line 2, roms: is not a known key; known: categories, synonyms, rooms']],
  [
    'unknown key of a room',
    'rooms:\n  - id: "!a"\n    name: A\n    visible: public',
    [/^line 4, rooms\[0\]\.visible: is not a known key; known: id, alias, name/],
  ],
  [
    'unknown key of a category',
    'categories:\n  tech:\n    words: [a]',
    ['line 3, categories.tech.words: is not a known key; known: name, keywords'],
  ],
  ['bad visibility', 'rooms:\n  - id: "!a"\n    name: A\n    visibility: all', [/^line 4, rooms\[0\]\.visibility: /]],
  ['no name', 'rooms:\n  - id: "!a"', [/^line 2, rooms\[0\]\.name: /]],
  ['no id', 'rooms:\n  - name: A', ['line 2, rooms[0]: needs an id or an alias, and not both']],
  ['id and alias', 'rooms:\n  - id: "!a"\n    alias: "#a:b"\n    name: A', ['line 2, rooms[0]: needs an id or an alias, and not both']],
  [
    'bad id and alias',
    'rooms:\n  - id: a\n    name: A\n  - alias: "#a"\n    name: B',
    [
      'line 2, rooms[0].id: is not a room id; it begins with !',
      'line 4, rooms[1].alias: is not a room alias; it looks like #room:example.org',
    ],
  ],
  ['unquoted alias', 'rooms:\n  - alias: #a:b\n    name: A', [/^line 2, rooms\[0\]\.alias: /]],
  [
    'doubles',
    'rooms:\n  - id: "!a"\n    name: Café\n  - id: "!a"\n    name: Other\n  - alias: "#a:b"\n    name: CAFE',
    ['line 4, rooms[1].id: is the same as that of rooms[0]', 'line 7, rooms[2].name: is the same as that of rooms[0]'],
  ],
  [
    'unknown category',
    'categories:\n  tech: {}\nrooms:\n  - id: "!a"\n    name: A\n    category: toString',
    ['line 6, rooms[0].category: is not a category; known: tech'],
  ],
  [
    'category without any',
    'rooms:\n  - id: "!a"\n    name: A\n    category: x',
    ['line 4, rooms[0].category: is not a category; known: none'],
  ],
  [
    'a space that is not there, or the room itself',
    'rooms:\n  - id: "!a"\n    name: A\n    space: Home\n  - id: "!b"\n    name: B\n    space: b',
    [
      'line 4, rooms[0].space: is not the name of another room of this list',
      'line 7, rooms[1].space: is not the name of another room of this list',
    ],
  ],
  ['bad category key', 'categories:\n  Tech Stuff: {}', [/^line \d, categories\.Tech Stuff: /]],
  [
    'a bomb of aliases',
    `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(20)}]\nc: &c [${'*b,'.repeat(20)}]\nrooms: [${'*c,'.repeat(20)}]`,
    [/^cannot be read: Excessive alias count/],
  ],
])('%s', (_name, text, expected) => {
  const found = problems(text)
  expect(found).toHaveLength(expected.length)
  expected.forEach((each, index) => expect(found[index]).toMatch(each))
})

test('a problem without a place', () => {
  expect(describeProblem({ line: undefined, key: '', text: 'is odd' })).toBe('is odd')
})

test('a bad file keeps the old catalogue and says why', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-catalogue-'))
  try {
    const path = join(folder, 'catalogue.yaml')
    const file = new CatalogueFile(path)
    expect(file.reload()).toMatchObject({ ok: false, problems: [{ text: `${path} cannot be read (ENOENT)` }] })
    expect(file.current).toEqual(emptyCatalogue)
    writeFileSync(path, 'rooms:\n  - id: "!a"\n    name: A')
    expect(file.reload().ok).toBe(true)
    writeFileSync(path, 'rooms: 7')
    expect(file.reload()).toMatchObject({ ok: false, problems: [{ line: 1, key: 'rooms' }] })
    expect(file.current.rooms).toHaveLength(1)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
