import { describe, expect, test } from 'vitest'
import { declarations } from '../commands/declarations.ts'
import { renderCommandsPage } from './commands-page.ts'
import type { CommandDeclaration } from './declaration.ts'
import { hasRole, help, helpCommand, listOf } from './help.ts'
import { createParser } from './parse.ts'
import { problemAnswer } from './problem-answer.ts'
import { renderAnswer } from './render.ts'
import { usageOf } from './usage.ts'

const text = (answer: Parameters<typeof renderAnswer>[0]): string => renderAnswer(answer).body
const asker = { role: 'moderator', prefix: '!' } as const
const odd: CommandDeclaration = {
  name: 'odd',
  aliases: ['queer', 'strange'],
  summary: 'do something',
  examples: ['odd'],
  role: 'admin',
  rooms: ['dm'],
  effect: 'none',
  positionals: [{ name: 'who', type: { kind: 'user' }, required: false, summary: 'who' }],
  options: [{ name: 'level', type: { kind: 'choice', choices: ['low', 'high'] }, summary: 'how much' }],
}

test('roles include the lower ones', () => {
  expect(hasRole('admin', 'moderator')).toBe(true)
  expect(hasRole('moderator', 'moderator')).toBe(true)
  expect(hasRole('everyone', 'moderator')).toBe(false)
})

describe('!help', () => {
  test('lists what the asker may use, by role', () => {
    const everyone = text(help(declarations, undefined, { role: 'everyone', prefix: '!' }))
    expect(everyone).toContain('For everyone\n• !help list the commands')
    expect(everyone).not.toContain('!remove')
    expect(everyone).not.toContain('For moderators')
    const moderator = text(help([...declarations, odd], undefined, asker))
    expect(moderator).toContain('For moderators\n• !invite')
    expect(moderator).not.toContain('!odd')
    expect(moderator.endsWith('More about one: !help <command>')).toBe(true)
  })

  test('explains one, by any of its names', () => {
    const answer = text(help([odd], 'STRANGE', asker))
    expect(answer).toBe(
      [
        '!odd do something.',
        '!odd [@user] [--level <low|high>]\n• [@user] who\n• --level <low|high> how much',
        'Also: !queer, !strange',
        'Examples:',
        '!odd',
        'For admins, in a DM with me. Changes nothing.',
      ].join('\n\n'),
    )
    const remove = text(help(declarations, '!remove', asker))
    expect(remove).toContain('!remove <@user,…> [--rooms <room,…>] [--category <category>]')
    expect(remove).toContain('• --redact [n] redact their latest n messages')
    expect(remove).toContain('• --dry-run show the plan and do nothing')
    expect(remove).toContain('For moderators, in INDOC, the admin room or a DM with me. Destructive:')
    expect(text(helpCommand({ ...odd, rooms: [] }, '!'))).toContain('For admins, in .')
  })

  test('joins three words', () => {
    expect(text({ code: 'ok', blocks: [{ paragraph: listOf(['a', 'b', 'c']) }] })).toBe('a, b or c')
  })

  test('suggests what the asker may use', () => {
    expect(text(help(declarations, 'remvoe', asker))).toBe('❌ There is no command !remvoe. Did you mean !remove or !revoke?')
    expect(text(help(declarations, 'remvoe', { ...asker, role: 'everyone' }))).toBe('❌ There is no command !remvoe.')
  })
})

describe('an answer to what was not understood', () => {
  const parse = createParser(declarations)
  const answer = (line: string): string => {
    const result = parse(line)
    if (result.ok) throw new Error(line)
    return text(problemAnswer(result, line))
  }
  test('says what, suggests, and points', () => {
    expect(answer('remvoe @a:x')).toBe('❌ There is no command “!remvoe”. Did you mean !remove or !revoke? All commands: !help')
    expect(answer('remove @a:x --room tech')).toBe(
      '❌ `remove` has no option “--room”. Did you mean --rooms? More: !help remove\n\nremove @a:x --room tech\n            ^',
    )
    expect(answer('remove "@a:x')).toBe('❌ This quote is never closed. More: !help remove\n\nremove "@a:x\n       ^')
    expect(answer('remove')).toMatch(/^❌ <@user,…> is missing\. Usage: .*\[--dry-run\]` More: !help remove$/)
    const long = answer(`remove ${'@somebody:example.org '.repeat(5)}\n--x ${'y'.repeat(50)}`)
    expect(long).toMatch(/\n…[^\n]{30}--x y{26}…\n {31}\^$/)
  })
})

describe('the declarations', () => {
  const parse = createParser(declarations)
  test.each(declarations.map((declaration) => [declaration.name, declaration] as const))(
    '%s: each example is understood, help fits one message',
    (_, declaration) => {
      expect(declaration.examples.length).toBeGreaterThan(0)
      for (const example of declaration.examples) {
        expect(parse(example)).toMatchObject({ ok: true, declaration: { name: declaration.name } })
      }
      expect(declaration.summary).toMatch(/^[a-z][^.]*[^.]$/)
      expect(usageOf(declaration)).toMatch(new RegExp(`^${declaration.name}(?: |$)`))
      expect(Buffer.byteLength(text(helpCommand(declaration, '!')))).toBeLessThan(12_000)
      const names = [...declaration.positionals, ...declaration.options].map(({ name }) => name)
      for (const name of declaration.personal ?? []) expect(names).toContain(name)
      for (const { conflictsWith = [] } of declaration.options) for (const name of conflictsWith) expect(names).toContain(name)
    },
  )
})

test('docs/commands.md: a table of permissions and a section for each command', () => {
  const page = renderCommandsPage([...declarations, odd])
  expect(page).toContain('| `!remove` | moderators | INDOC, admin room, DM | `--dry-run`, confirmed |')
  expect(page).toContain('| `!ping` | everyone | INDOC, admin room, DM |  |')
  expect(page).toContain('| `--reason <preset\\|"text">` |')
  expect(page).toContain('## !odd\n\nDo something.\n\n```\n!odd [@user] [--level <low|high>]\n```\n\nAlso: `!queer`, `!strange`')
  expect(page).toContain('Personal data (masked in the audit): `email`')
  expect(page.endsWith('```\n')).toBe(true)
  expect(renderCommandsPage([{ ...odd, summary: '' }])).toContain('## !odd\n\n.')
})
