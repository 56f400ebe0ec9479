import { describe, expect, test } from 'vitest'
import { bob, carol, dm, indoc, mod, pipelineBench, type Said } from '../../tests/support/pipeline-bench.ts'
import type { RoomId, UserId } from '../types.ts'

// Whose command it is, and where and when it was given.

describe('a message whose key came too late', () => {
  test('changes nothing; what only looks is answered', async () => {
    const { say, planned } = pipelineBench()
    const [refusal] = await say({ line: '!addto tech @bob:x', keyLate: true })
    expect(refusal?.text).toMatch(/key of this message arrived late.*send it again/)
    expect(planned).toEqual([])
    expect(await say({ line: '!ping', keyLate: true })).toHaveLength(1)
  })

  test('is still taken as an introduction in INDOC, and as nothing elsewhere', async () => {
    const { say, texts } = pipelineBench()
    await say({ line: 'My name is Bob', roomId: indoc, sender: bob, keyLate: true })
    await say({ line: 'resend', keyLate: true })
    await say({ line: 'resend' })
    expect(texts).toEqual(['My name is Bob', 'resend'])
  })
})

describe('commands in a room where the bot takes none', () => {
  const other = '!other:x' as RoomId

  test('a moderator is told, nothing is done, and it is audited', async () => {
    const { say, kicked, planned, auditText } = pipelineBench()
    const said = await say({ line: '!addto tech @bob:x', roomId: other })
    expect(said).toHaveLength(1)
    expect(said[0]?.text).toContain('I take no commands in this room')
    expect({ kicked, planned }).toEqual({ kicked: [], planned: [] })
    expect(auditText()).toContain('"code":"other-room"')
  })

  test('nor in the direct chat of somebody else: they would read the answer', async () => {
    const { say, roleOf } = pipelineBench()
    roleOf.set(carol, 'moderator')
    const said = await say({ line: '!pending', roomId: dm, sender: carol })
    expect(said[0]?.text).toContain('I take no commands in this room')
  })

  test('an address in it is hidden and not repeated', async () => {
    const { say, auditText } = pipelineBench()
    const said = await say({ line: '!adduser Ada --email ada@example.org', roomId: other })
    expect(said.map(({ type }) => type).sort()).toEqual(['m.room.message', 'm.room.redaction'])
    expect(said.map(({ text }) => text).join() + auditText()).not.toContain('ada@example')
  })

  test('others get no answer, and cannot fill the audit', async () => {
    const { say, auditText, later } = pipelineBench()
    const rows = () => auditText().split('"code":"other-room"').length - 1
    for (let count = 0; count < 25; count += 1) expect(await say({ line: '!ping', roomId: other, sender: bob })).toEqual([])
    expect(rows()).toBe(20)
    later(3_600_000)
    await say({ line: '!ping', roomId: other, sender: bob })
    expect(rows()).toBe(21)
  })

  test.each(['hello', '!weather Paris', 'Gatehouse is nice', '!'])('%s is none of ours', async (line) => {
    const { say, auditText } = pipelineBench()
    expect(await say({ line, roomId: other })).toEqual([])
    expect(auditText()).toBe('[]')
  })
})

describe('a command from a device that its owner has not signed', () => {
  const codeIn = (text = ''): string => /!confirm ([a-z2-9]{5})/.exec(text)?.[1] ?? 'none'
  const fromPhone = { line: '!adduser Ada', trust: 'unsigned' } as const

  test('is not done; its owner releases it from a signed one', async () => {
    const { say, planned, kicked, auditText } = pipelineBench()
    const [refused] = await say(fromPhone)
    expect(refused?.text).toMatch(/❌ Not done: your device PHONE is not verified.*within 5 min/)
    expect({ planned, kicked }).toEqual({ planned: [], kicked: [] })
    expect(auditText()).toContain('"code":"untrusted-device"')
    await say({ line: `!confirm ${codeIn(refused?.text)}`, device: 'LAPTOP' })
    expect(planned.map(({ arguments: given, asker }) => [given.raw()['first'], asker.userId])).toEqual([['Ada', mod]])
    expect(kicked).toHaveLength(1)
  })

  test('the bare code does as well; a second time it does nothing', async () => {
    const { say, kicked } = pipelineBench()
    const code = codeIn((await say(fromPhone))[0]?.text)
    await say({ line: code })
    expect(kicked).toHaveLength(1)
    expect((await say({ line: code }))[0]?.text).toContain('used already')
    expect(kicked).toHaveLength(1)
  })

  test('what asks for a confirmation still asks for it', async () => {
    const { say, kicked } = pipelineBench()
    const [refused] = await say({ line: '!remove @bob:x', trust: 'unsigned' })
    const [plan] = await say({ line: `!confirm ${codeIn(refused?.text)}` })
    expect(plan?.text).toContain('Please confirm')
    expect(kicked).toEqual([])
    await say({ line: `!confirm ${codeIn(plan?.text)}` })
    expect(kicked).toHaveLength(1)
  })

  test.each<[string, Partial<Said>, string]>([
    ['by the same device', { trust: 'unsigned' }, 'PHONE is not verified'],
    ['by an identity that has changed', { trust: 'identity-changed' }, 'not the one I know'],
    ['in clear', { trust: 'clear' }, 'your message was not'],
    ['by somebody else', { sender: '@olga:x' as UserId }, 'only the person who gave'],
    ['in another room', { roomId: indoc }, 'I asked nobody here'],
  ])('it is not released %s', async (_, more, words) => {
    const { say, kicked, roleOf } = pipelineBench()
    roleOf.set('@olga:x' as UserId, 'admin')
    const code = codeIn((await say(fromPhone))[0]?.text)
    expect((await say({ line: `!confirm ${code}`, ...more }))[0]?.text).toContain(words)
    expect(kicked).toEqual([])
    // The code was not spent by that.
    await say({ line: `!confirm ${code}` })
    expect(kicked).toHaveLength(1)
  })

  test('after five minutes, or without the role, it is too late', async () => {
    const { say, kicked, later, roleOf } = pipelineBench()
    const first = codeIn((await say(fromPhone))[0]?.text)
    later(300_001)
    expect((await say({ line: `!confirm ${first}` }))[0]?.text).toContain('run out')
    const second = codeIn((await say(fromPhone))[0]?.text)
    roleOf.delete(mod)
    expect((await say({ line: `!confirm ${second}` }))[0]?.text).toContain('for moderators')
    expect(kicked).toEqual([])
  })

  test('a row stays the person it was', async () => {
    const { say, lists, planned } = pipelineBench()
    lists.add(mod, [bob])
    const code = codeIn((await say({ line: '!adduser Bob --matrix 1', trust: 'unsigned' }))[0]?.text)
    lists.add(mod, ['@ada:x' as UserId])
    await say({ line: `!confirm ${code}` })
    expect(planned[0]?.arguments.user('matrix')?.userId).toBe(bob)
  })

  test('what helps is told once an hour for each device; then a pointer and the code', async () => {
    const { say, later } = pipelineBench()
    const told = async (more: Partial<Said> = {}): Promise<boolean> => {
      const text = (await say({ ...fromPhone, ...more }))[0]?.text ?? ''
      expect(text).toMatch(/❌.*!confirm/)
      return text.includes('Open Settings')
    }
    expect([await told(), await told(), await told({ device: 'TABLET' }), await told()]).toEqual([true, false, true, false])
    later(3_600_000)
    expect(await told()).toBe(true)
  })

  test('an identity that has changed is no matter of devices: there is no code', async () => {
    const { say, auditText } = pipelineBench()
    const [refused] = await say({ line: '!adduser Ada', trust: 'identity-changed' })
    expect(refused?.text).toContain('not the one I know')
    expect(refused?.text).not.toContain('!confirm')
    expect((await say({ line: '!adduser Ada', trust: 'identity-changed' }))[0]?.text).toContain('nobody has accepted')
    expect(auditText()).toContain('"code":"identity-changed"')
  })
})
