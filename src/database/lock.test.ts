import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lockDataDirectory } from './lock.ts'

let folder: string
let child: ChildProcess | undefined
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-lock-'))
})
afterEach(() => {
  child?.kill('SIGKILL')
  child = undefined
  rmSync(folder, { recursive: true, force: true })
})

/** Another process that takes the lock, says what came of it, and stays. */
const other = async (directory: string): Promise<unknown> => {
  const script = `
    import { lockDataDirectory } from ${JSON.stringify(new URL('lock.ts', import.meta.url).href)}
    process.stdout.write(JSON.stringify(lockDataDirectory(${JSON.stringify(directory)})) + '\\n')
    setInterval(() => undefined, 1000)
  `
  child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout!, 'data')) as [Buffer]
  return JSON.parse(line.toString()) as unknown
}

test('makes the directory for this user alone, and keeps a second process out with a name', async () => {
  const directory = join(folder, 'a/b')
  const lock = lockDataDirectory(directory)
  expect(lock.ok).toBe(true)
  expect(statSync(directory).mode & 0o777).toBe(0o700)
  const second = await other(directory)
  expect(second).toEqual({ ok: false, code: 'locked', holder: expect.stringMatching(new RegExp(`^process ${process.pid} on `)) as string })
  if (lock.ok) lock.release()
})

test('a second lock in the same process is refused too, and release frees it', () => {
  const first = lockDataDirectory(folder)
  expect(lockDataDirectory(folder)).toMatchObject({ ok: false, code: 'locked' })
  if (first.ok) first.release()
  const again = lockDataDirectory(folder)
  expect(again.ok).toBe(true)
  if (again.ok) again.release()
})

test('kill -9 of the holder frees it at once', async () => {
  expect(await other(folder)).toEqual({ ok: true })
  expect(lockDataDirectory(folder)).toMatchObject({
    ok: false,
    code: 'locked',
    holder: expect.stringContaining(`process ${child?.pid} `) as string,
  })
  child?.kill('SIGKILL')
  await once(child!, 'exit')
  const mine = lockDataDirectory(folder)
  expect(mine.ok).toBe(true)
  if (mine.ok) mine.release()
})

test('a directory that cannot be made is said in words', () => {
  writeFileSync(join(folder, 'file'), '')
  expect(lockDataDirectory(join(folder, 'file/data'))).toMatchObject({
    ok: false,
    code: 'unusable',
    reason: expect.stringContaining('ENOTDIR') as string,
  })
})
