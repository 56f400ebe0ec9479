import { expect, test } from 'vitest'
import { ada, full, ghost, hour, indocWorld, mod, said } from '../../../tests/support/commands/indoc-world.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { RoomKind } from '../../chat/declaration.ts'
import { renderAnswer } from '../../chat/render.ts'
import type { UserId } from '../../types.ts'
import { createPendingCommand } from './pending.ts'

const setUp = () => {
  const world = indocWorld()
  const command = createPendingCommand({
    newcomers: world.newcomers,
    nameOf: (userId) => userId,
    isSettled: world.jobs.isSettled,
    inviterOf: (name) => world.inviters.get(name),
  })
  const ask = async (place: RoomKind = 'indoc', line = 'pending') => {
    const answer = await command.answer(await requestOf(line, { place, now: world.clock.now() }))
    return { answer, body: renderAnswer(answer).body }
  }
  return { ...world, ask }
}

test('nobody', async () => expect((await setUp().ask()).body).toBe('Nobody waits in INDOC, and nobody knocks.'))

test('who, how long, what they wrote, what the inviter says, how much time is left; addresses only where they may be', async () => {
  const world = setUp()
  world.inviters.set('Mo', mod)
  world.moves(ada, 'join')
  world.life.said(said(`${full.replace('example.org', 'gmail')}\n6. https://linkedin.com/in/ada`))
  await world.clock.advance(2 * hour)
  world.moves(ghost, 'join')
  world.moves('@knocker:example.org' as UserId, 'knock')
  await world.clock.advance(hour)
  const { body, answer } = await world.ask()
  expect(body).toContain('3 people waiting, 1 of them introduced.')
  expect(body).toMatch(
    /1\. @ada:example\.org: joined 3 h ago; introduced 3 h ago \(Ada Lovelace, Engines, invited by Mo, interests: maths\); something was guessed; @mod:example\.org is being asked/,
  )
  expect(body).toMatch(/2\. @knocker:example\.org: knocks since 60 min; no introduction yet\n/)
  expect(body).toMatch(/3\. @signal_1:example\.org: joined 60 min ago; no introduction yet; 23 h left/)
  expect(body).not.toMatch(/ada@gmail|linkedin/)
  expect(answer.rows).toEqual([ada, '@knocker:example.org', ghost])
  for (const place of ['admin', 'dm'] as const)
    expect((await world.ask(place)).body).toContain('ada@gmail.com, interests: maths, https://linkedin.com/in/ada')
})

test.each([
  [{ vouched: 'yes' }, 'vouches for them'],
  [{ vouched: 'no' }, 'does NOT vouch for them'],
  [{ vouch_txn: 'x' }, 'was asked and has not answered'],
  [{ unreadable_at: 1_000_000, introduction: null }, 'wrote something that I cannot decrypt'],
  [{ introduction: null, deadline: 1, expired_at: 2 }, 'the time is over'],
  [{ trust: 'in-clear' }, 'not encrypted'],
  [{ came: 'invite', introduction: null }, 'let in, has not joined yet'],
  [{ decided_by: mod }, 'decided before by @mod:example.org'],
  [{ state: 'approved', decided_plan: 99 }, 'there is no account yet'],
] as const)('%j', async (values, expected) => {
  const world = setUp()
  world.moves(ada, 'join')
  world.life.said(said(full.replace('maths', 'skip')))
  world.inviters.set('Mo', mod)
  world.newcomers.update(ada, { inviter_id: mod, ...values })
  const { body } = await world.ask()
  expect(body).toContain(expected)
  if (!('introduction' in values)) expect(body).toContain('missing: interests')
})

test('people with an account do not wait, and long lists have pages', async () => {
  const world = setUp()
  for (let number = 0; number < 13; number += 1) world.moves(`@p${String(number).padStart(2, '0')}:example.org` as UserId, 'join')
  world.links.set('@p00:example.org' as UserId, { pk: 1, username: 'p' }, 'test')
  expect((await world.ask()).body).toContain('12 people waiting')
  const second = await world.ask('indoc', 'pending --page 2')
  expect(second.body).toMatch(/11\. @p11.*12\. @p12/s)
  expect(second.answer.rows).toHaveLength(12)
})

test('an inviter who was put in the place of the one who was asked', async () => {
  const world = setUp()
  world.inviters.set('Mo', mod)
  world.inviters.set('Jo', ghost)
  world.life.said(said(full))
  world.newcomers.update(ada, { vouch_txn: 'x', vouched: 'yes' })
  expect((await world.ask()).body).not.toContain('did not ask')
  world.life.said(said(full.replace('Mo', 'Jo')))
  expect((await world.ask()).body).toContain('@mod:example.org vouches for them, but they name “Jo” now, whom I did not ask')
})
