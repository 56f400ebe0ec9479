import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { main } from '../main.ts'

const root = join(import.meta.dirname, '../..')
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'bench/README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const captures = (text: string, pattern: RegExp): readonly string[] => Array.from(text.matchAll(pattern), (match) => match[1] ?? '')

/** What stands in backticks, alone or as a block. */
const code = (text: string): readonly string[] => {
  const blocks = captures(text, /^```[a-z]*\n([^]*?)^```/gmu)
  return [...blocks.flatMap((block) => block.split('\n')), ...captures(text.replaceAll(/^```[^]*?^```/gmu, ''), /`([^`\n]+)`/gu)]
}

const pathLike = /^(?:src|tests|docs|config|migrations|bench|bin|\.ci)\/[\w./-]+$/u

describe.each(documents)('%s', (file) => {
  const text = read(file)

  test('names only files that are there', () => {
    const named = code(text).filter((word) => pathLike.test(word))
    expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([])
  })

  test('its links lead somewhere', () => {
    const links = captures(text, /\]\((?!https?:|#)([^)#\s]+)[^)]*\)/gu)
    expect(links.filter((link) => !existsSync(join(root, dirname(file), link)))).toEqual([])
  })
})

describe('commands of the program', () => {
  afterEach(() => void vi.restoreAllMocks())

  /** What `--help` prints; undefined = there is no such command. */
  const help = async (words: readonly string[]): Promise<string | undefined> => {
    let shown = ''
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      shown += String(chunk)
      return true
    })
    vi.spyOn(process.stderr, 'write').mockReturnValue(true)
    const exit = await main(['node', 'gatehouse', ...words, '--help'])
    write.mockRestore()
    // An unknown word leads to the help of what is above it.
    return exit === 0 && shown.startsWith(`Usage: gatehouse ${words.join(' ')}`) ? shown : undefined
  }

  test('those that the documents name exist, with their options', async () => {
    const wrong: string[] = []
    const mentions = documents.flatMap((file) =>
      code(read(file)).flatMap((line) => captures(line, /(?:^|[\s/])(gatehouse(?:\.mjs)? [a-z][^|&;#>']*)/gu)),
    )
    for (const mention of new Set(mentions)) {
      const [, first = '', second = '', ...rest] = mention.trim().split(/\s+/u)
      const group = first === 'try' || first === 'crypto'
      const words = group && /^[a-z]/u.test(second) ? [first, second] : [first]
      const shown = await help(words)
      if (shown === undefined) wrong.push(mention)
      const options = [second, ...rest].map((word) => word.replaceAll(/[[\]]/gu, '')).filter((word) => word.startsWith('--'))
      for (const option of options) if (shown?.includes(option) !== true) wrong.push(`${mention}: ${option}`)
    }
    expect(wrong).toEqual([])
    expect(mentions.length).toBeGreaterThan(20)
  })
})

describe('docs/effects.md', () => {
  const text = read('docs/effects.md')

  test('has a row for each effect', () => {
    const kinds = captures(read('src/chat/effects.ts'), /readonly kind: '([a-z.-]+)'/gu)
    expect(kinds.length).toBeGreaterThan(20)
    expect(captures(text, /^\| `([a-z.-]+)` \|/gmu).toSorted()).toEqual([...new Set(kinds)].toSorted())
  })

  test('says of each job what it does twice', () => {
    const kinds = captures(read('src/jobs/register.ts'), /scheduler\.register\(\s*'([a-z-]+)'/gu)
    const told = text.split('\n').flatMap((line) => (line.startsWith('- **') ? captures(line, /\*\*([a-z-]+)\*\*/gu) : []))
    expect(kinds.length).toBeGreaterThan(10)
    expect(told.toSorted()).toEqual([...new Set(kinds)].toSorted())
  })
})

test('docs/README.md leads to every page', () => {
  const index = read('docs/README.md')
  const pages = documents.filter((file) => file.startsWith('docs/') && file !== 'docs/README.md')
  expect(pages.filter((file) => !index.includes(`(${file.slice('docs/'.length)})`))).toEqual([])
})

test('docs/security.md: each line of a table names a test, or says that there is none', () => {
  const lines = read('docs/security.md')
    .split('\n')
    .filter((line) => line.startsWith('| ') && !/^\| (?:It tries to|They try to|With it somebody|What) /u.test(line))
  expect(lines.filter((line) => !/(?:\.test\.ts`|world\.ts`\)|–) \|$/u.test(line))).toEqual([])
  expect(lines.length).toBeGreaterThan(30)
})
