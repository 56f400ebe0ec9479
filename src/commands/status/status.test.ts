import { expect, test } from 'vitest'
import { textOf } from '../../../tests/support/commands/answers.ts'
import { requestOf } from '../../../tests/support/commands/request.ts'
import type { Role } from '../../chat/declaration.ts'
import type { UserId } from '../../types.ts'
import { createStatusCommand } from './status.ts'
import type { Status } from './status.ts'

const now = 10_000_000
const well: Status = {
  name: 'gatehouse',
  version: '0.1.0',
  commit: 'abc123',
  startedAt: now - 7_200_000,
  engine: 'wasm 18.9.0',
  deviceId: 'ABCDEF',
  identity: 'loaded',
  backup: { ok: true, words: 'Key backup: version 3' },
  sync: { lastAt: now - 5000, failing: undefined },
  authentik: { failing: undefined, accounts: 1314, mirroredAt: now - 60_000 },
  jobs: new Map([['waiting', 2]]),
  directory: { syncedAt: now - 5000, rooms: 42, dirty: 0 },
  undecrypted: 0,
  server: { profile: 'stranger', admin: false, exempt: false },
  problems: [],
}
const ask = async (more: Partial<Status> = {}, role: Role = 'moderator') => {
  const answer = await createStatusCommand({ status: () => ({ ...well, ...more }) }).answer(await requestOf('status', { now, role }))
  return { answer, text: textOf(answer) }
}

test('all is well', async () => {
  const { answer, text } = await ask()
  expect(answer).toMatchObject({ mark: '✅', code: 'ok' })
  for (const words of [
    'I am well: gatehouse 0.1.0 (abc123), up for 2 h.',
    'Matrix: last sync 5 s ago.',
    'Authentik: 1314 accounts, read 60 s ago.',
    'Jobs: 0 running, 2 waiting, none dead.',
    'Directory: 42 rooms, as of 5 s ago.',
    'Encryption: device ABCDEF, identity loaded, engine wasm 18.9.0.',
    'Key backup: version 3.',
    'an ordinary user on this server',
  ])
    expect(text).toContain(words)
})

test('everybody learns whether it is well, and no more', async () => {
  const { text } = await ask({ problems: ['not in INDOC'], commit: 'unknown' }, 'everyone')
  expect(text).toBe('⚠️ Something is wrong: gatehouse 0.1.0, up for 2 h.\n• Matrix: last sync 5 s ago.')
})

test.each<[string, Partial<Status>, string, boolean]>([
  ['sync fails', { sync: { lastAt: undefined, failing: 'no connection' } }, 'Matrix: ❌ no connection; no sync was finished yet.', true],
  ['no sync yet', { sync: { lastAt: undefined, failing: undefined } }, 'Matrix: no sync was finished yet.', true],
  [
    'Authentik is down',
    { authentik: { failing: 'no answer', accounts: 1, mirroredAt: now } },
    'Authentik: ❌ no answer; 1 account, read just now.',
    true,
  ],
  ['not mirrored', { authentik: { failing: undefined, accounts: 0, mirroredAt: undefined } }, 'its accounts were not read yet', false],
  ['dead jobs', { jobs: new Map([['dead', 1]]) }, '❌ 1 dead: see !jobs', false],
  [
    'dirty lists',
    { directory: { syncedAt: null, rooms: 1, dirty: 2 } },
    'Directory: 1 room, not read yet; 2 member lists being read again.',
    false,
  ],
  ['admin', { server: { profile: 'own-server', admin: true, exempt: true } }, 'admin of this server, exempt from rate limits', false],
  [
    'no admin',
    { server: { profile: 'own-server', admin: false, exempt: false } },
    '❌ not an admin, though the profile is own-server, rate limits hold',
    false,
  ],
  ['no key backup', { backup: { ok: false, words: 'Room keys are not backed up: why' } }, '❌ Room keys are not backed up: why.', false],
  ['a changed identity', { changedIdentities: ['@ada:x' as UserId] }, 'has another identity than before: !trust @ada:x', false],
  ['waiting messages', { undecrypted: 1 }, '1 message waits for a key.', false],
  ['another problem', { problems: ['I am not in the admin room'] }, '❌ I am not in the admin room', true],
])('%s', async (_, more, words, wrong) => {
  const { answer, text } = await ask(more)
  expect(text).toContain(words)
  expect(answer.code).toBe(wrong ? 'degraded' : 'ok')
})
