import { parseArgs } from 'node:util'
import { createStandIn } from './stand-in.ts'

/**
 * Runs the stand-in as a process: `node tests/support/authentik/main.ts --port 0 --version 2026.5.0 --people 40`.
 * Prints one JSON line with its address and tokens, and ends on SIGTERM or SIGINT.
 */
const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    version: { type: 'string', default: '2026.5.0-rc1' },
    people: { type: 'string', default: '0' },
    groups: { type: 'string', default: 'Members' },
    token: { type: 'string' },
    flow: { type: 'string', default: 'community-enrollment' },
  },
})

const standIn = await createStandIn({
  port: Number(values.port),
  version: values.version.startsWith('2026.2') ? '2026.2.2' : '2026.5.0-rc1',
  seed: {
    people: Number(values.people),
    groups: values.groups.split(',').filter((name) => name !== ''),
    enrollmentFlow: values.flow,
    ...(values.token === undefined ? {} : { token: values.token }),
  },
  control: true,
})
const { url, token, adminToken, version, botPk } = standIn
console.log(JSON.stringify({ url, token, adminToken, version, botPk, pid: process.pid }))

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void standIn.close())
