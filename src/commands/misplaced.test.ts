import { describe, expect, test } from 'vitest'
import { requestOf } from '../../tests/support/commands/request.ts'
import { refusalOf, textOf } from '../../tests/support/commands/answers.ts'
import type { ChangeCommand } from '../chat/command.ts'
import { createAdduserCommand } from './adduser/adduser.ts'
import type { AdduserPorts } from './adduser/adduser.ts'
import { createInviteCommand } from './invite/invite.ts'
import type { InvitePorts } from './invite/invite.ts'
import { misplacedIn } from './misplaced.ts'

describe('an address among the names', () => {
  test.each([
    ['Ada Lovelace', undefined],
    ['Ada O’Neil-Smith 3rd', undefined],
    ['Ada @ home', undefined],
    ['Ada @ada:example.org', 'misplaced-user'],
    ['https://matrix.to/#/@ada:example.org', 'misplaced-user'],
    ['Ada ada@example.org', 'misplaced-address'],
    ['Ada +44 7700 900123', 'misplaced-address'],
  ])('%s: %s', (name, code) => expect(misplacedIn(name, '--matrix')?.code).toBe(code))

  test.each([
    ['adduser Ada ada@example.org', '--email'],
    ['adduser ada@example.org', '--email'],
    ['adduser Ada @ada:example.org', '--matrix'],
    ['invite Ada ada@example.org', '--email'],
    ['invite Ada @ada:example.org', '--to'],
  ])('%s: nothing is asked, let alone done; the answer names %s', async (line, option) => {
    // Whatever it would look at is not there.
    const command: ChangeCommand = line.startsWith('invite')
      ? createInviteCommand({} as InvitePorts)
      : createAdduserCommand({} as AdduserPorts)
    const text = textOf(await refusalOf(command, await requestOf(line, { place: 'indoc' })))
    expect(text).toContain(option)
    expect(text).not.toContain('ada')
  })
})
