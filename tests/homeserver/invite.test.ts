import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addInvitationStage } from '../support/authentik/state.ts'
import { filesWith, finalAnswer, untilMirrored } from './arrivals.ts'
import { patience, startWorld, stopClean, type World } from './world.ts'

// Invitations of Authentik, and the copy of its accounts.

const accounts = 1_314

let world: World
let direct: string

beforeAll(async () => {
  // Two accounts are always there: the superuser's and the bot's.
  world = await startWorld({
    authentik: { seed: { people: accounts - 2, groups: ['Members'], enrollmentFlow: 'come-in' } },
    bot: { env: { GATEHOUSE_AUTHENTIK_ENROLLMENT_FLOW: 'come-in' } },
  })
  await untilMirrored(world)
})
afterAll(() => stopClean(world))

const ask = async (roomId: string, text: string) => await finalAnswer(world, roomId, await world.moderator.sendText(roomId, text))
const invitations = () => Array.from(world.authentik.state.invitations.values())
const link = (slug: string, pk: string): string => `${world.authentik.url}/if/flow/${slug}/?itoken=${pk}`

describe('!invite', () => {
  test('the link goes by encrypted DM to the asker, with the slug that the API gave', async () => {
    const answer = await ask(world.indoc, '!invite “Grace Hopper” --expires 3d')
    expect(answer.body).toMatch(/^✅/)
    const [made, ...others] = invitations()
    expect(others).toEqual([])
    expect(made).toMatchObject({ name: 'Grace-Hopper', single_use: true })
    const days = (Date.parse(made?.expires ?? '') - Date.now()) / 86_400_000
    expect(days).toBeGreaterThan(2.99)
    expect(days).toBeLessThan(3.01)
    expect(made?.fixed_data).toMatchObject({ attributes: { created_by: `gatehouse:${world.moderator.userId}` } })

    direct = await world.moderator.waitForInvite(world.botId, patience)
    await world.moderator.joinRoom(direct)
    const pk = made?.pk ?? ''
    const message = await world.moderator.waitForMessage(direct, { sender: world.botId, body: /itoken=/ }, patience)
    expect(message).toMatchObject({ encrypted: true, undecryptable: false, shield: 'none' })
    expect(message.body).toContain(link('come-in', pk))
    const elsewhere = world.moderator.timeline().filter(({ roomId }) => roomId !== direct)
    expect(elsewhere.length).toBeGreaterThan(0)
    for (const { content } of elsewhere) {
      expect(JSON.stringify(content)).not.toContain(pk)
      expect(JSON.stringify(content)).not.toContain('itoken')
    }
    expect(filesWith(world, pk)).toEqual([])
    expect(filesWith(world, pk.replaceAll('-', ''))).toEqual([])
  })

  test('to somebody else with --to, and that person only', async () => {
    const olga = await world.people.join({ user: world.users.admin })
    const answer = await ask(world.adminRoom, `!invite Alan --multi-use --to ${olga.userId}`)
    expect(answer.body).toMatch(/^✅/)
    const made = invitations().find(({ name }) => name === 'Alan')
    expect(made).toMatchObject({ single_use: false })
    const room = await olga.waitForInvite(world.botId, patience)
    await olga.joinRoom(room)
    const message = await olga.waitForMessage(room, { sender: world.botId, body: /itoken=/ }, patience)
    expect(message.body).toContain(link('come-in', made?.pk ?? ''))
    expect(world.moderator.timeline().filter(({ body }) => body.includes(made?.pk ?? ''))).toEqual([])
    await olga.stop()
  })

  test.each([
    ['a flow that is not there', '!invite Ada --flow come-inn', 'flow-not-found'],
    ['a flow without an invitation stage', '!invite Ada --flow open-enrollment', 'stage-not-bound'],
    ['a flow for something else', '!invite Ada --flow default-recovery-flow', 'not-enrollment'],
  ])('%s: refused, nothing made', async (_what, text, code) => {
    const before = invitations().length
    const asked = await world.moderator.sendText(world.adminRoom, text)
    expect((await finalAnswer(world, world.adminRoom, asked)).body).toMatch(/^❌.*Nothing was done/)
    expect(world.audit(asked)).toMatchObject([{ outcome: 'refused', code }])
    expect(invitations()).toHaveLength(before)
  })

  test('the stage of the usual flow was unbound since: refused as well', async () => {
    const flow = Array.from(world.authentik.state.flows.values()).find(({ slug }) => slug === 'come-in')
    if (flow === undefined) throw new Error('there is no flow')
    const stages = flow.stages
    flow.stages = []
    addInvitationStage(world.authentik.state, 'unbound')
    const answer = await ask(world.adminRoom, '!invite Ada')
    expect(answer.body).toMatch(/^❌.*no invitation stage is bound/)
    flow.stages = stages
    expect((await ask(world.adminRoom, '!invite Ada --dry-run')).body).toMatch(/Nothing was done/)
  })

  test('the server has lost the answer: one invitation, one link', async () => {
    world.authentik.failNext({ method: 'POST', pathPattern: /\/invitations\/$/, how: 'commit-then-drop' })
    const answer = await ask(world.adminRoom, '!invite Mary')
    expect(answer.body).toMatch(/^✅/)
    const made = invitations().filter(({ name }) => name === 'Mary')
    expect(made).toHaveLength(1)
    const expected = link('come-in', made[0]?.pk ?? '')
    await world.moderator.waitForMessage(direct, { sender: world.botId, fits: ({ body }) => body.includes(expected) }, patience)
  })
})

describe('!invites and !revoke', () => {
  test('the list names them without their links', async () => {
    const answer = await ask(world.adminRoom, '!invites')
    for (const { name, pk } of invitations()) {
      expect(answer.body).toContain(name)
      expect(answer.body).not.toContain(pk)
    }
    expect(answer.body).toContain('3 open invitations')
  })

  test('by name, by id, and never by guess', async () => {
    const alan = invitations().find(({ name }) => name === 'Alan')
    const asked = await world.moderator.sendText(world.adminRoom, '!revoke Alna')
    expect((await finalAnswer(world, world.adminRoom, asked)).body).toMatch(/did you mean.*alan/is)
    expect(invitations()).toHaveLength(3)
    const id = (alan?.pk ?? '').replaceAll('-', '').slice(0, 8)
    expect((await ask(world.adminRoom, `!revoke ${id}`)).body).toMatch(/^✅/)
    expect((await ask(world.adminRoom, '!revoke Grace Hopper')).body).toMatch(/^✅/)
    expect(invitations().map(({ name }) => name)).toEqual(['Mary'])
    expect((await ask(world.adminRoom, '!revoke Alan')).body).toMatch(/^❌.*no invitation/)
    expect((await ask(world.adminRoom, '!invites')).body).toContain('1 open invitation')
  })
})

describe('the mirror', () => {
  test('1,314 accounts are copied completely, through pages of 100', async () => {
    const pages = world.authentik.requests.filter(
      ({ method, path, query }) =>
        method === 'GET' && path.endsWith('/core/users/') && query.includes('page_size=100') && !query.includes('search='),
    )
    expect(pages.map(({ query }) => Number(new URLSearchParams(query).get('page')))).toEqual(
      Array.from({ length: 14 }, (_, index) => index + 1),
    )
    expect(world.authentik.state.users.size).toBe(accounts)
    const copied = world.query<{ pk: number; username: string }>('SELECT pk, username FROM account')
    expect(copied).toHaveLength(accounts)
    expect(new Set(copied.map(({ username }) => username))).toEqual(
      new Set(Array.from(world.authentik.state.users.values(), ({ username }) => username)),
    )
    expect((await ask(world.adminRoom, '!status')).body).toMatch(/1,?314 accounts/)
  })
})

describe('a secret', () => {
  test('a device that was added to the account and that its owner has not signed does not read the link, and reads all else there', async () => {
    const added = await world.people.join({ user: world.users.moderator, crossSign: false })
    const readsBoth = async (): Promise<void> => {
      const { eventId } = await world.ask(direct, '!ping')
      await added.waitForMessage(
        direct,
        { sender: world.botId, fits: (message) => message.eventId === eventId && !message.undecryptable },
        patience,
      )
    }
    await readsBoth()
    expect((await ask(world.adminRoom, '!invite Barbara')).body).toMatch(/^✅/)
    const pk = invitations().find(({ name }) => name === 'Barbara')?.pk ?? 'none was made'
    const { eventId } = await world.moderator.waitForMessage(
      direct,
      { sender: world.botId, fits: ({ body }) => body.includes(pk) },
      patience,
    )
    const seen = await added.waitForMessage(direct, { undecryptable: true, fits: (message) => message.eventId === eventId }, patience)
    expect(seen.failure).toMatch(/WITHHELD/)
    await readsBoth()
    await added.logout()
  })
})
