import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSwept, sweep, type Swept } from '../sweep/sweep.ts'

// The short form of `node tests/sweep/kill-sweep.ts --kills 200`.

let swept: Swept
let dir: string

beforeAll(async () => {
  dir = mkdtempSync(`${tmpdir()}/gatehouse-sweep-`)
  swept = await startSwept(dir)
})
afterAll(async () => {
  await swept[Symbol.asyncDispose]()
  rmSync(dir, { recursive: true, force: true })
})

test('kill -9 at ten random points, also in the middle of a token renewal: nothing lost, nothing twice, nothing in clear', async () => {
  const figures = await sweep(swept, { kills: 10, random: Math.random })
  expect(figures).toMatchObject({ kills: 10, failures: [] })
  expect(figures.whileRefreshing).toBeGreaterThan(0)
  expect(figures.commands).toBe(32)
}, 240_000)
