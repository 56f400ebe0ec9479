import { expect, test } from 'vitest'
import { requestOf } from '../../../tests/support/commands/request.ts'
import { done } from '../../authentik/errors.ts'
import type { AuthentikResult } from '../../authentik/errors.ts'
import { invitationSchema } from '../../authentik/schemas.ts'
import type { Invitation } from '../../authentik/schemas.ts'
import { renderAnswer } from '../../chat/render.ts'
import { systemClock } from '../../operations/clock.ts'
import { createInvitesCommand } from './invites.ts'

const now = Date.parse('2026-01-01T00:00:00Z')
const pk = (number: number): string => `c0ffee${String(number).padStart(2, '0')}-1111-4000-8000-000000000001`
const invitation = (number: number, more: Partial<Invitation> = {}): Invitation =>
  invitationSchema.parse({ pk: pk(number), name: `name-${number}`, expires: '2026-01-03T10:20:30.123456Z', single_use: true, ...more })

const answer = async (line: string, result: AuthentikResult<readonly Invitation[]>) => {
  const made = await createInvitesCommand({ authentik: { listInvitations: () => Promise.resolve(result) }, clock: systemClock }).answer(
    await requestOf(line, { now }),
  )
  return { made, text: renderAnswer(made).body }
}

test('name, short id, expiry, uses and author; never enough of the id to open it', async () => {
  const { made, text } = await answer(
    'invites',
    done([
      invitation(1, { fixed_data: { attributes: { created_by: 'gatehouse:@mod:example.org' } } }),
      invitation(2, { single_use: false, expires: null, created_by: { pk: 1, username: 'akadmin' } }),
      invitation(3, { fixed_data: { attributes: ['x'] } }),
      invitation(4, { fixed_data: { attributes: { created_by: 5 } } }),
      invitation(5, { expires: '2025-12-31T00:00:00Z' }),
    ]),
  )
  expect(text).toContain('4 open invitations')
  expect(text).toContain('name-1, c0ffee01: until 2026-01-03 10:20 UTC, works once, by @mod:example.org')
  expect(text).toContain('name-2, c0ffee02: never expires, works any number of times, by akadmin')
  expect(text).toContain('name-3, c0ffee03: until 2026-01-03 10:20 UTC, works once, by unknown')
  expect(text).not.toContain('name-5')
  expect(text).not.toContain('1111-4000')
  expect(made).toMatchObject({ code: 'ok' })
})

test('pages of twenty', async () => {
  const many = done(Array.from({ length: 21 }, (_, index) => invitation(index + 1)))
  const first = await answer('invites', many)
  expect(first.text).toContain('21 open invitations, page 1 of 2')
  expect(first.text).toContain('!invites --page 2')
  expect((await answer('invites --page 2', many)).text).toContain('name-21')
  expect((await answer('invites --page 3', many)).made).toMatchObject({ code: 'no-such-page' })
})

test('one, none, and no answer', async () => {
  expect((await answer('invites', done([invitation(1)]))).text).toContain('1 open invitation')
  expect((await answer('invites', done([]))).text).toContain('There are no open invitations')
  expect((await answer('invites', { ok: false, code: 'timeout', changed: 'no', text: 'Authentik sleeps' })).made).toMatchObject({
    code: 'unavailable',
    mark: '❌',
  })
  expect((await answer('invites', { ok: false, code: 'token-dead', changed: 'no', text: 'bad token' })).made).toMatchObject({
    code: 'token-dead',
  })
})
