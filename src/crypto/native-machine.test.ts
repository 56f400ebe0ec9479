import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { OlmMachine } from '@matrix-org/matrix-sdk-crypto-nodejs'
import { afterEach, expect, test } from 'vitest'
import { NativeMachine } from './native-machine.ts'

afterEach(() => process.removeAllListeners('beforeExit'))

test('the end waits for the calls that run, and lets no other in', async () => {
  const machine = new NativeMachine({} as OlmMachine)
  const held = Promise.withResolvers<string>()
  const steps: string[] = []
  const running = machine.call(() => held.promise).then((value) => steps.push(value))
  const closing = machine.close(() => steps.push('last'))
  await expect(machine.call(() => Promise.resolve('late'))).rejects.toThrow('the native engine is closed')
  expect(() => machine.ask(() => 'late')).toThrow('the native engine is closed')
  expect(steps).toEqual([])
  held.resolve('done')
  await Promise.all([running, closing])
  expect(steps.toSorted()).toEqual(['done', 'last'])
  await machine.close(() => steps.push('twice'))
  expect(steps).toHaveLength(2)
})

test('a call that fails does not keep the end away', async () => {
  const machine = new NativeMachine({} as OlmMachine)
  const failing = machine.call(() => Promise.reject(new Error('no')))
  let ended = false
  const closing = machine.close(() => {
    ended = true
  })
  await expect(failing).rejects.toThrow('no')
  await closing
  expect(ended).toBe(true)
})

test('a process that ends by itself keeps its exit code', () => {
  const module = fileURLToPath(new URL('native-machine.ts', import.meta.url))
  const script = `import { NativeMachine } from ${JSON.stringify(module)}; new NativeMachine({}); process.exitCode = 7; process.on('exit', (code) => console.log('ended', code))`
  const ended = (): string => {
    try {
      return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    } catch (error) {
      const { status, stdout } = error as { readonly status: number; readonly stdout: string }
      return `${stdout.trim()}, status ${status}`
    }
  }
  expect(ended()).toBe('ended 7, status 7')
})
