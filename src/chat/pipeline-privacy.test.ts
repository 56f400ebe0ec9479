import { describe, expect, test } from 'vitest'
import { admin, bob, dm, indoc, pipelineBench, private_ } from '../../tests/support/pipeline-bench.ts'
import type { RoomId } from '../types.ts'

// What a room may read: personal data, chats in clear, answers for one person.

describe('personal data and INDOC', () => {
  const redactions = (said: readonly { readonly type: string }[]): number => said.filter(({ type }) => type === 'm.room.redaction').length
  const readIn = (said: readonly { readonly roomId: RoomId; readonly text: string }[], room: RoomId): string =>
    said.flatMap(({ roomId, text }) => (roomId === room ? [text] : [])).join('\n')

  test.each([
    ['understood', '!adduser Ada --email ada@example.org'],
    ['an option is mistyped', '!adduser Ada --emial ada@example.org'],
    ['a quote is open', '!adduser Ada --email ada@example.org --organization "Analytical'],
    ['the address is mistyped', '!adduser Ada --email ada@example'],
    ['the address stands in the wrong option', '!adduser Ada --matrix ada@example.org'],
    ['no such command', '!adusr ada@example.org'],
    ['a telephone number', '!adduser Ada --phone +44 7700 900123'],
  ])('%s: the command is hidden and not repeated', async (_, line) => {
    const { say, auditText } = pipelineBench()
    const said = await say({ line, roomId: indoc })
    expect(redactions(said)).toBe(1)
    expect(readIn(said, indoc)).not.toMatch(/ada@example|900123/)
    expect(auditText()).not.toMatch(/ada@example|900123/)
  })

  test('a refused one is hidden too: the device is no reason to leave the address there', async () => {
    const { say } = pipelineBench()
    const said = await say({ line: '!adduser Ada --email ada@example.org', roomId: indoc, trust: 'unsigned' })
    expect(redactions(said)).toBe(1)
  })

  test('ids, links and numbers of jobs are not personal; nor is anything hidden in the admin room, or of people without a role', async () => {
    const { say } = pipelineBench()
    expect(redactions(await say({ line: '!addto tech @ada:example.org', roomId: indoc }))).toBe(0)
    expect(redactions(await say({ line: '!addto tech https://matrix.to/#/@ada:example.org', roomId: indoc }))).toBe(0)
    expect(redactions(await say({ line: '!adduser Ada --email ada@example.org' }))).toBe(0)
    expect(redactions(await say({ line: '!adduser Ada --email ada@example.org', roomId: indoc, sender: bob }))).toBe(0)
  })

  test('a slip without personal data is answered where it was made', async () => {
    const { say } = pipelineBench()
    const said = await say({ line: '!adduser Ada --matrx @ada:example.org', roomId: indoc })
    expect(readIn(said, indoc)).toContain('--matrix')
    expect(readIn(said, private_)).toBe('')
  })
})

describe('a direct chat in clear, which a server can make up', () => {
  test('changes nothing', async () => {
    const { say, planned, kicked } = pipelineBench()
    const [answer] = await say({ line: '!adduser Ada', roomId: dm, trust: 'clear' })
    expect(answer?.text).toContain('not encrypted')
    const [removal] = await say({ line: '!remove @bob:x', roomId: dm, trust: 'clear' })
    expect(removal?.text).not.toContain('confirm')
    expect({ planned, kicked }).toEqual({ planned: [], kicked: [] })
  })

  test('looking is free there', async () => {
    const [answer] = await pipelineBench().say({ line: '!rooms', roomId: dm, trust: 'clear', sender: bob })
    expect(answer?.text).not.toContain('❌')
  })
})

test.each(['pending', 'waiting'] as const)('a command that was %s when the bot stopped is not run hours later', async (state) => {
  const { say, planned } = pipelineBench()
  const [answer] = await say({ line: '!adduser Ada', sinceRestart: { state, receivedAt: -5 * 3_600_000 } })
  expect(planned).toEqual([])
  expect(answer?.text).toContain('while I was away')
})

describe('personal answers', () => {
  test('what a plan with personal data came to is not told in INDOC', async () => {
    const step = { effect: { kind: 'room.invite' as const, roomId: admin, userId: bob }, text: 'secret of Bob' }
    const { say } = pipelineBench({ plan: () => ({ summary: '', steps: [step], targets: [], personal: true }) })
    const said = await say({ line: '!adduser Bob', roomId: indoc })
    expect(said.filter(({ text }) => text.includes('secret of Bob')).map(({ roomId }) => roomId)).toEqual([private_])
  })
})
