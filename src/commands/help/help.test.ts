import { expect, test } from 'vitest'
import { textOf } from '../../../tests/support/commands/answers.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import { declarations } from '../declarations.ts'
import { createHelpCommand } from './help.ts'

const command = createHelpCommand({ declarations, prefix: '!' })

test('everybody sees what they may use, with the prefix', async () => {
  const everybody = textOf(await command.answer(await requestOf('help', { role: 'everyone' })))
  expect(everybody).toContain('!ping')
  expect(everybody).not.toContain('!remove')
  expect(textOf(await command.answer(await requestOf('help')))).toContain('!remove')
})

test('one command, and a mistyped one', async () => {
  expect(textOf(await command.answer(await requestOf('help remove')))).toContain('--redact')
  expect((await command.answer(await requestOf('help remov'))).code).toBe('unknown-command')
})
