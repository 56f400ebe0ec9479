import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { parseArgs } from 'node:util'
import { startSwept, sweep } from './sweep.ts'

// node tests/sweep/kill-sweep.ts [--kills 200]

const { values } = parseArgs({ options: { kills: { type: 'string', default: '200' } } })
const dir = mkdtempSync(`${tmpdir()}/gatehouse-sweep-`)
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const swept = await startSwept(dir, say)
try {
  const figures = await sweep(swept, { kills: Number(values.kills), random: Math.random, say })
  process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`)
  if (figures.failures.length > 0) process.exitCode = 1
} finally {
  await swept[Symbol.asyncDispose]()
}
// After a failure the log and the data are worth a look.
if (process.exitCode === 1) say(`everything is in ${dir}`)
else rmSync(dir, { recursive: true, force: true })
