import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Person, SeenMessage } from '../support/people/people.ts'
import { confirmCode, patience, startWorld, type World } from './world.ts'

// Whose command it is: devices, identities, and what happens when they change.

let world: World
let olga: Person

beforeAll(async () => {
  world = await startWorld()
  olga = await world.people.join({ user: world.users.admin })
})
afterAll(async () => {
  expect(world.admin.database.plaintextMessages({ sender: world.botId })).toEqual([])
  await world.stop()
})

/** Asks as somebody in the admin room. The answer is read by an admin: unsigned devices get no keys there. */
const ask = async (person: Person, text: string): Promise<SeenMessage & { readonly asked: string }> => {
  const asked = await person.sendText(world.adminRoom, text)
  // Where the machine is slow, progress is told first.
  const fits = ({ body }: SeenMessage): boolean => !body.startsWith('⏳')
  return { ...(await olga.waitForMessage(world.adminRoom, { sender: world.botId, replyTo: asked, fits }, patience)), asked }
}
const alerts = (): readonly SeenMessage[] =>
  olga.timeline(world.adminRoom).filter(({ sender, body }) => sender === world.botId && body.includes('has another identity than before'))

describe('a command from a device that its owner has not signed', () => {
  test('is kept, and done once its owner releases it from a signed device', async () => {
    const other = await world.people.join({ user: world.users.moderator, crossSign: false })
    const refused = await ask(other, '!invite Guest')
    expect(refused.body).toContain(`your device ${other.deviceId}`)
    expect(refused.body).toContain('Open Settings')
    expect(world.audit(refused.asked)).toMatchObject([{ command: 'invite', outcome: 'refused', code: 'untrusted-device' }])
    const again = await ask(other, '!invite Guest')
    expect(again.body).toMatch(/^❌ Not done: your device \S+( \(.*\))? is still not verified/)
    expect(again.body).not.toContain('Open Settings')
    // Its own word does not help it, nor does anybody else's.
    expect((await ask(other, `!confirm ${confirmCode(refused)}`)).body).toMatch(/^❌.*not verified/)
    expect((await ask(olga, `!confirm ${confirmCode(refused)}`)).body).toMatch(/^❌ only the person who gave/)
    expect(world.query('SELECT command FROM plan')).toEqual([])
    await world.bot.restart()
    const released = await ask(world.moderator, `!confirm ${confirmCode(refused)}`)
    expect(released.body).toMatch(/^✅/)
    expect(world.audit(released.asked)).toMatchObject([{ actor: world.moderator.userId, command: 'invite', outcome: 'ran' }])
    expect((await ask(world.moderator, confirmCode(refused))).body).toContain('used already')
    expect(world.query('SELECT command FROM plan')).toHaveLength(1)
    await other.logout()
  })
})

describe('a moderator whose identity is replaced', () => {
  let again: Person

  test('changes nothing under the new one, may look, and the admins are told', async () => {
    const { moderator } = world
    expect((await ask(moderator, '!invite Ada')).body).toMatch(/^✅/)
    expect(alerts()).toEqual([])
    // What a hostile homeserver could do as well: another identity, and a device that it signs.
    again = await world.people.join({ user: world.users.moderator })
    expect((await ask(again, '!ping')).body).toMatch(/pong/i)
    const refused = await ask(again, '!invite Bob')
    expect(refused.body).toMatch(/^❌ .*your identity is not the one I know.*`!trust`/)
    expect(world.audit(refused.asked)).toMatchObject([
      { actor: moderator.userId, command: 'invite', outcome: 'refused', code: 'identity-changed' },
    ])
    await olga.waitForMessage(world.adminRoom, { sender: world.botId, body: /has another identity than before/ }, patience)
    expect(alerts()).toHaveLength(1)
    expect(alerts()[0]?.body).toContain(`!trust ${moderator.userId}`)
    expect(world.query('SELECT command FROM plan')).toHaveLength(2)
  })

  test('a restart forgets nothing and tells nobody twice', async () => {
    await world.bot.restart()
    const refused = await ask(again, '!invite Bob')
    expect(world.audit(refused.asked)).toMatchObject([{ code: 'identity-changed' }])
    await ask(olga, '!ping')
    expect(alerts()).toHaveLength(1)
  })

  test('an admin accepts it, nobody else does; then it counts, and the old one does not', async () => {
    const { moderator } = world
    const own = await ask(again, `!trust ${moderator.userId}`)
    expect(world.audit(own.asked)).toMatchObject([{ code: 'no-role' }])
    const self = await ask(olga, `!trust ${olga.userId}`)
    expect(world.audit(self.asked)).toMatchObject([{ code: 'target-self' }])

    const plan = await ask(olga, `!trust ${moderator.userId}`)
    expect(plan.body).toMatch(/Until now: \S{4} \S{4} \S{4} \S{4} .*Then: \S{4} \S{4} \S{4} \S{4}/s)
    const early = await ask(again, '!invite Bob')
    expect(world.audit(early.asked)).toMatchObject([{ code: 'identity-changed' }])
    const done = await ask(olga, `!confirm ${confirmCode(plan)}`)
    expect(done.body).toMatch(/^✅/)
    expect(world.audit(done.asked)).toMatchObject([{ actor: olga.userId, command: 'trust', outcome: 'ran' }])

    expect((await ask(again, '!invite Bob')).body).toMatch(/^✅/)
    const old = await ask(moderator, '!invite Carl')
    expect(world.audit(old.asked)).toMatchObject([{ outcome: 'refused', code: 'untrusted-device' }])
    await world.bot.restart()
    expect((await ask(again, '!invite Dora')).body).toMatch(/^✅/)
  })
})
