import { describe, expect, test } from 'vitest'
import { admin, bob, down, indoc, mod, pipelineBench } from '../../tests/support/pipeline-bench.ts'
import type { UserId } from '../types.ts'

// What becomes of a plan: shown, kept until a service is back, or done once it is confirmed.

describe('a dry run changes nothing, whatever happens', () => {
  test('it is not saved to run for real when the service comes back', async () => {
    const { say, saved } = pipelineBench({ plan: down })
    const [answer] = await say({ line: '!adduser Ada --dry-run' })
    expect(saved).toEqual([])
    expect(answer?.text).toContain('Authentik does not answer')
    expect(answer?.text).not.toContain('!retry')
  })

  test('what has to be confirmed is not kept either: it would run without its confirmation', async () => {
    const { say, saved, kicked } = pipelineBench({ plan: down })
    const [answer] = await say({ line: '!remove @bob:x' })
    expect({ saved, kicked }).toEqual({ saved: [], kicked: [] })
    expect(answer?.text).toContain('Send the command again')
  })

  test('the command itself is saved', async () => {
    const { say, saved } = pipelineBench({ plan: down })
    const [answer] = await say({ line: '!adduser Ada' })
    expect(saved).toHaveLength(1)
    expect(answer?.text).toContain('!retry 41')
  })
})

describe('a command that is kept because a service is missing', () => {
  const signal = new AbortController().signal

  test('a row stays the person it was, whatever list is shown meanwhile', async () => {
    const ada = '@ada:x' as UserId
    let missing = true
    const { say, saved, lists, pipeline, planned } = pipelineBench({
      plan: (request) =>
        missing ? down() : { summary: '', steps: [], targets: [request.arguments.user('matrix')?.userId ?? ('@nobody:x' as UserId)] },
    })
    lists.add(mod, [bob])
    await say({ line: '!adduser Bob --matrix 1' })
    lists.add(mod, [ada])
    missing = false
    const [command] = saved
    if (command === undefined) throw new Error('nothing was saved')
    expect(await pipeline.runSaved(command, signal)).toBe(true)
    expect(planned.at(-1)?.arguments.user('matrix')?.userId).toBe(bob)
  })

  test('who has lost the role meanwhile changes nothing any more', async () => {
    let missing = true
    const step = { effect: { kind: 'room.invite' as const, roomId: admin, userId: bob }, text: 'invite Bob' }
    const { say, saved, pipeline, kicked, roleOf } = pipelineBench({
      plan: () => (missing ? down() : { summary: '', steps: [step], targets: [bob] }),
    })
    await say({ line: '!adduser Bob' })
    missing = false
    roleOf.delete(mod)
    const [command] = saved
    if (command === undefined) throw new Error('nothing was saved')
    expect(await pipeline.runSaved(command, signal)).toBe(true)
    expect(kicked).toEqual([])
  })
})

describe('confirming', () => {
  const codeIn = (said: readonly { readonly text: string }[]): string => /!confirm ([a-z2-9]{5})/.exec(said[0]?.text ?? '')?.[1] ?? 'none'

  test('by the code alone, also as a reply of an app that quotes what it replies to', async () => {
    const { say, kicked } = pipelineBench()
    const code = codeIn(await say({ line: '!remove @bob:x' }))
    await say({ line: code, replyFallback: true })
    expect(kicked).toEqual(['room.kick'])
  })

  test('not by somebody else, from an unsigned device, in clear, elsewhere, after the role is lost, or twice', async () => {
    const { say, kicked, roleOf } = pipelineBench()
    const other = '@other:x' as UserId
    roleOf.set(other, 'admin')
    const code = codeIn(await say({ line: '!remove @bob:x' }))
    await say({ line: code, sender: other })
    await say({ line: `!confirm ${code}`, trust: 'unsigned' })
    await say({ line: `!confirm ${code}`, trust: 'clear' })
    await say({ line: `!confirm ${code}`, roomId: indoc })
    roleOf.delete(mod)
    await say({ line: `!confirm ${code}` })
    roleOf.set(mod, 'moderator').set(bob, 'moderator')
    await say({ line: `!confirm ${code}` })
    roleOf.delete(bob)
    expect(kicked).toEqual([])
    await say({ line: `!confirm ${code.toUpperCase()}` })
    await say({ line: `!confirm ${code}` })
    expect(kicked).toEqual(['room.kick'])
  })

  test('not after five minutes', async () => {
    const { say, kicked, later } = pipelineBench()
    const code = codeIn(await say({ line: '!remove @bob:x' }))
    later(300_001)
    const [answer] = await say({ line: code })
    expect(kicked).toEqual([])
    expect(answer?.text).toContain('Give the command again')
  })
})
