import { describe, expect, test } from 'vitest'
import { nonceKey } from '../../src/authentik/invitations.ts'
import { addInvitationStage } from '../support/authentik/state.ts'
import { setUp, valueOf, versions } from './client-of.ts'

describe.each(versions)('groups on %s', (version) => {
  test('list, find, add twice, remove twice', async () => {
    const { authentik, standIn } = await setUp({ version, seed: { groups: ['Members', 'Tech WG'] } })
    expect(valueOf(await authentik.listGroups()).map((group) => group.name)).toEqual(['Members', 'Tech WG', 'authentik Admins'])
    expect(standIn.requests[0]?.query).toContain('include_users=false')
    expect(valueOf(await authentik.findGroup('tech wg'))).toBeUndefined()
    expect(valueOf(await authentik.findGroup(''))).toBeUndefined()
    const group = valueOf(await authentik.findGroup('Tech WG'))
    const { pk } = valueOf(await authentik.createUser({ username: 'ada', name: '' }))
    for (let count = 0; count < 2; count += 1) valueOf(await authentik.addToGroup(group?.pk ?? '', pk))
    expect(valueOf(await authentik.getUser(pk)).groups).toEqual([group?.pk])
    for (let count = 0; count < 2; count += 1) valueOf(await authentik.removeFromGroup(group?.pk ?? '', pk))
    expect(valueOf(await authentik.getUser(pk)).groups).toEqual([])
    expect(await authentik.addToGroup(group?.pk ?? '', 99_999)).toMatchObject({ code: 'not-found' })
    expect(await authentik.addToGroup('00000000-0000-4000-8000-000000000001', pk)).toMatchObject({ code: 'not-found' })
  })
})

describe.each(versions)('invitations on %s', (version) => {
  const expires = Date.UTC(2026, 11, 31, 12)

  test('flow: found, missing, of the wrong kind', async () => {
    const { authentik } = await setUp({ version })
    expect(valueOf(await authentik.getEnrollmentFlow('community-enrollment'))).toMatchObject({
      slug: 'community-enrollment',
      designation: 'enrollment',
    })
    expect(await authentik.getEnrollmentFlow('nope')).toMatchObject({ code: 'not-found' })
    expect(await authentik.getEnrollmentFlow('')).toMatchObject({ code: 'not-found' })
    expect(await authentik.getEnrollmentFlow('default-recovery-flow')).toMatchObject({ code: 'invalid' })
    expect(valueOf(await authentik.getFlow('default-recovery-flow')).designation).toBe('recovery')
  })

  test('stage: bound, not bound, open to all, not visible', async () => {
    const { authentik, standIn } = await setUp({ version })
    expect(valueOf(await authentik.getInvitationStages('community-enrollment'))).toEqual({ bound: true, openToAll: false })
    expect(valueOf(await authentik.getInvitationStages('open-enrollment'))).toEqual({ bound: false, openToAll: false })
    const lax = addInvitationStage(standIn.state, 'lax', true)
    Array.from(standIn.state.flows.values())
      .find((flow) => flow.slug === 'community-enrollment')
      ?.stages.push(lax.pk)
    expect(valueOf(await authentik.getInvitationStages('community-enrollment'))).toEqual({ bound: true, openToAll: true })
    standIn.state.users.get(standIn.botPk)?.permissions.delete('authentik_stages_invitation.view_invitationstage')
    expect(await authentik.getInvitationStages('community-enrollment')).toMatchObject({ code: 'stage-not-visible', changed: 'no' })
  })

  test('create, find again, list, delete', async () => {
    const { authentik, standIn } = await setUp({ version, publicUrl: 'https://id.example.org' })
    const flow = valueOf(await authentik.getEnrollmentFlow('community-enrollment'))
    const made = valueOf(
      await authentik.createInvitation({
        name: 'for Zoë, by @mod',
        flow,
        expires,
        singleUse: true,
        nonce: 'n0nce',
        fixedData: { attributes: { invited_by: '@mod:example.org' } },
      }),
    )
    expect(made.link).toBe(`https://id.example.org/if/flow/community-enrollment/?itoken=${made.invitation.pk}`)
    expect(made.invitation).toMatchObject({
      name: 'for-Zoe-by-mod',
      single_use: true,
      fixed_data: { attributes: { invited_by: '@mod:example.org' }, [nonceKey]: 'n0nce' },
      created_by: { username: 'matrix-bot' },
    })
    expect(Date.parse(made.invitation.expires ?? '')).toBe(expires)
    expect(valueOf(await authentik.findInvitationByNonce('n0nce'))).toEqual(made)
    expect(valueOf(await authentik.findInvitationByNonce('n0nce', 'for Zoë, by @mod'))).toEqual(made)
    expect(valueOf(await authentik.findInvitationByNonce('other'))).toBeUndefined()
    expect(valueOf(await authentik.listInvitations('community-enrollment'))).toHaveLength(1)
    expect(valueOf(await authentik.listInvitations('open-enrollment'))).toEqual([])
    expect(valueOf(await authentik.listInvitations(''))).toHaveLength(1)
    expect(valueOf(await authentik.deleteInvitation(made.invitation.pk))).toBe('deleted')
    expect(valueOf(await authentik.deleteInvitation(made.invitation.pk))).toBe('already-gone')
    expect(standIn.state.invitations.size).toBe(0)
  })

  test('a lost answer: the invitation is there and the nonce finds it', async () => {
    const { authentik, standIn } = await setUp({ version })
    const flow = valueOf(await authentik.getEnrollmentFlow('community-enrollment'))
    standIn.failNext({ method: 'POST', pathPattern: '/invitations/', how: 'commit-then-drop' })
    expect(await authentik.createInvitation({ name: 'x', flow, expires, singleUse: true, nonce: 'lost' })).toMatchObject({
      ok: false,
      code: 'unreachable',
      changed: 'maybe',
    })
    expect(valueOf(await authentik.findInvitationByNonce('lost', 'x'))?.invitation.single_use).toBe(true)
    expect(standIn.state.invitations.size).toBe(1)
  })
})
