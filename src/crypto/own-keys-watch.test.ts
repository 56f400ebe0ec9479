import { expect, test } from 'vitest'
import { TestClock, turns } from '../../tests/support/unit.ts'
import { OwnKeysWatch } from './own-keys-watch.ts'
import type { OwnKeysProblem } from './own-keys.ts'

const problem: OwnKeysProblem = { code: 'device-keys-differ', words: 'other keys' }
const setUp = (answers: ({ readonly problem: OwnKeysProblem | undefined } | undefined)[]) => {
  const clock = new TestClock()
  const found: OwnKeysProblem[] = []
  let asked = 0
  const check = () => {
    asked += 1
    return Promise.resolve(answers.shift())
  }
  const watch = new OwnKeysWatch({ check, clock, onProblem: (one) => void found.push(one) })
  return { clock, found, watch, asked: () => asked }
}

test('the same keys: asked once, and it says so', async () => {
  const { watch, found, asked } = setUp([{ problem: undefined }])
  expect(watch.state).toEqual({ ok: true, words: 'not compared with the homeserver yet' })
  await watch.run()
  expect(watch.state).toEqual({ ok: true, words: 'the homeserver shows the same keys' })
  expect({ found, asked: asked() }).toEqual({ found: [], asked: 1 })
})

test('other keys are reported', async () => {
  const { watch, found } = setUp([{ problem }])
  await watch.run()
  expect(found).toEqual([problem])
  expect(watch.state).toEqual({ ok: false, words: 'other keys' })
})

test('a homeserver that does not answer is asked again; a stop ends that', async () => {
  const { watch, clock, asked, found } = setUp([undefined, undefined, { problem }])
  const running = watch.run()
  await turns()
  expect(asked()).toBe(1)
  await clock.advance(30_000)
  expect(asked()).toBe(2)
  await clock.advance(30_000)
  await running
  expect(found).toEqual([problem])
  const stopped = setUp([undefined])
  const ending = stopped.watch.run()
  await turns()
  stopped.watch.stop()
  await ending
  expect(stopped.asked()).toBe(1)
})
