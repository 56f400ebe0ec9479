import { expect, test } from 'vitest'
import { bot, ghost, mod } from '../../../tests/support/commands/arrival-world.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { InvitationStages } from '../../authentik/invitations.ts'
import { done } from '../../authentik/errors.ts'
import type { AuthentikFailure } from '../../authentik/errors.ts'
import { Bridged } from '../../directory/bridged.ts'
import { createInviteCommand } from './invite.ts'
import type { InvitePorts } from './invite.ts'

const failure = (code: 'not-found' | 'timeout' | 'token-dead' | 'stage-not-visible', text: string = code): AuthentikFailure => ({
  ok: false,
  code,
  changed: 'no',
  text,
})
const noEnrollment: AuthentikFailure = { ok: false, code: 'invalid', changed: 'no', fields: {}, text: 'the flow x is no enrolment flow' }

const planned = async (
  line: string,
  given: { readonly flow?: AuthentikFailure; readonly stages?: InvitationStages | AuthentikFailure; readonly late?: boolean } = {},
) => {
  const asked: string[] = []
  const stages = given.stages ?? { bound: true, openToAll: false }
  const ports: InvitePorts = {
    authentik: {
      getEnrollmentFlow: (slug) => {
        asked.push(slug)
        if (given.late === true) return new Promise(() => undefined)
        return Promise.resolve(
          given.flow ?? done({ pk: 'flow-pk', slug: `${slug}-of-api`, name: 'Join', title: '', designation: 'enrollment' }),
        )
      },
      getInvitationStages: () => Promise.resolve('ok' in stages ? stages : done(stages)),
    },
    directory: { ownUserId: bot, bridged: new Bridged([{ users: '^@signal_' }]) },
    clock: {
      sleep: (_, signal) =>
        given.late === true
          ? Promise.resolve()
          : new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(new Error('off')))),
    },
    newNonce: () => 'nonce-1',
    settings: { flow: 'join', expires: 7 * 86_400_000 },
  }
  const request = await requestOf(line, { now: Date.parse('2026-01-01T00:00:00Z'), accounts: [{ pk: 3, username: 'old' }] })
  return { made: await createInviteCommand(ports).plan(request), asked }
}

test('one invitation for the asker, used once, in a week; the slug is that of the API', async () => {
  const { made, asked } = await planned('invite Ada Lovelace')
  expect(asked).toEqual(['join'])
  expect(made).toMatchObject({ summary: 'Invitation for Ada Lovelace', targets: [] })
  expect(made).toHaveProperty('steps.0.effect', {
    kind: 'invitation.create',
    name: 'Ada-Lovelace',
    nonce: 'nonce-1',
    flow: { pk: 'flow-pk', slug: 'join-of-api' },
    expires: '2026-01-08T00:00:00.000Z',
    singleUse: true,
    fixedData: { attributes: { created_by: `gatehouse:${mod}` } },
    deliverTo: mod,
  })
  expect(made).toHaveProperty('steps.length', 1)
  expect(made).not.toHaveProperty('notes')
})

test('all options; the e-mail stands in no text', async () => {
  const { made, asked } = await planned('invite Ada --email ada@example.org --expires 2d --multi-use --flow other --to @bob:example.org')
  expect(asked).toEqual(['other'])
  expect(made).toMatchObject({
    steps: [
      {
        effect: {
          singleUse: false,
          expires: '2026-01-03T00:00:00.000Z',
          fixedData: { email: 'ada@example.org' },
          deliverTo: '@bob:example.org',
        },
        text: expect.stringMatching(/any number of times.*@bob:example\.org by DM only/),
      },
    ],
  })
  expect((made as { steps: readonly { text: string }[] }).steps[0]?.text).not.toContain('ada@example.org')
})

test('a flow that lets everybody in is warned about', async () => {
  const { made } = await planned('invite Ada', { stages: { bound: true, openToAll: true } })
  expect(made).toMatchObject({ notes: [expect.stringContaining('without an invitation too')] })
})

test.each([
  ['invite Ada --qr', {}, 'not-available'],
  ['invite Ada --to old', {}, 'no-matrix-user'],
  [`invite Ada --to ${bot}`, {}, 'target-bot'],
  [`invite Ada --to ${ghost}`, {}, 'bridged'],
  ['invite Ada', { flow: failure('not-found') }, 'flow-not-found'],
  ['invite Ada', { flow: noEnrollment }, 'not-enrollment'],
  ['invite Ada', { flow: failure('token-dead') }, 'token-dead'],
  ['invite Ada', { stages: { bound: false, openToAll: false } }, 'stage-not-bound'],
  ['invite Ada', { stages: failure('stage-not-visible', 'lacks authentik_stages_invitation.view_invitationstage') }, 'stage-not-visible'],
] as const)('%s is refused: %s', async (line, given, code) => {
  const { made } = await planned(line, given)
  expect(made).toMatchObject({ code, mark: '❌' })
  expect(JSON.stringify(made)).not.toContain(ghost)
  if (code === 'stage-not-visible') expect(JSON.stringify(made)).toContain('view_invitationstage')
})

test('Authentik is away', async () => {
  expect((await planned('invite Ada', { flow: failure('timeout') })).made).toMatchObject({ unavailable: 'authentik' })
  expect((await planned('invite Ada', { late: true })).made).toMatchObject({ unavailable: 'authentik' })
})
