import { expect, test } from 'vitest'
import { requestOf } from '../../../tests/support/commands/request.ts'
import { fingerprintOf } from '../../authentik/invitations.ts'
import { done } from '../../authentik/errors.ts'
import type { AuthentikResult } from '../../authentik/errors.ts'
import { invitationSchema } from '../../authentik/schemas.ts'
import type { Invitation } from '../../authentik/schemas.ts'
import { systemClock } from '../../operations/clock.ts'
import { createRevokeCommand } from './revoke.ts'

const invitation = (pk: string, name: string): Invitation => invitationSchema.parse({ pk, name, expires: '2026-01-03T10:20:30Z' })
const ada = invitation('c0ffee01-1111-4000-8000-000000000001', 'Ada-Lovelace')
const bob = invitation('c0ffee02-1111-4000-8000-000000000001', 'Bob')
const otherBob = invitation('c0ffee02-2222-4000-8000-000000000001', 'Bob')
/** Its name looks like the id of another. */
const sly = invitation('dddddddd-1111-4000-8000-000000000001', 'c0ffee01')

const planned = async (line: string, result: AuthentikResult<readonly Invitation[]> = done([ada, bob, otherBob])) =>
  createRevokeCommand({ authentik: { listInvitations: () => Promise.resolve(result) }, clock: systemClock }).plan(await requestOf(line))

test.each(['Ada-Lovelace', 'Ada Lovelace', 'c0ffee01', 'C0FFEE01-1111', ada.pk])('%s is exactly one', async (text) => {
  const plan = await planned(`revoke ${text}`)
  expect(plan).toMatchObject({
    steps: [{ effect: { kind: 'invitation.delete', fingerprint: fingerprintOf(ada.pk), name: 'Ada-Lovelace' } }],
    targets: [],
  })
  // The key opens the invitation: nothing that is written down holds it.
  expect(JSON.stringify(plan)).not.toContain('1111-4000')
})

test.each(['Bob', 'c0ffee02'])('%s is several: they are shown, none is taken back', async (text) => {
  const answer = await planned(`revoke ${text}`)
  expect(answer).toMatchObject({ code: 'ambiguous-invitation', mark: '❌' })
  expect(JSON.stringify(answer)).toContain('c0ffee02')
  expect(JSON.stringify(answer)).not.toContain('2222')
})

test('a name comes before an id that begins the same', async () => {
  expect(await planned('revoke c0ffee01', done([ada, sly]))).toMatchObject({ steps: [{ effect: { fingerprint: fingerprintOf(sly.pk) } }] })
})

test.each([
  ['revoke Bab', 'Bob'],
  ['revoke c0ffee', '!invites'],
  ['revoke 2', '!invites'],
])('%s is none', async (line, hint) => {
  const answer = await planned(line)
  expect(answer).toMatchObject({ code: 'unknown-invitation' })
  expect(JSON.stringify(answer)).toContain(hint)
})

test('Authentik is away, or refuses', async () => {
  expect(await planned('revoke Bob', { ok: false, code: 'timeout', changed: 'no', text: 'late' })).toMatchObject({
    unavailable: 'authentik',
  })
  expect(await planned('revoke Bob', { ok: false, code: 'no-permission', changed: 'no', text: 'no' })).toMatchObject({
    code: 'no-permission',
  })
})
