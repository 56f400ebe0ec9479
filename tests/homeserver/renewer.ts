import { openDataDirectory } from '../../src/database/open.ts'
import { Sealed } from '../../src/database/sealed.ts'
import { createGate } from '../../src/http/gate.ts'
import { Session } from '../../src/matrix/session.ts'
import { systemClock } from '../../src/operations/clock.ts'
import { silentLogger } from '../../src/operations/logger.ts'
import type { UserId } from '../../src/types.ts'

// A process that does nothing but renew the bot's session, over and over, to be killed in the middle of it.

const [directory = '', url = '', userId = ''] = process.argv.slice(2)
const say = (line: string): void => void process.stdout.write(`${line}\n`)

const opened = openDataDirectory(directory, Date.now())
if (!opened.ok) throw new Error(opened.message)
const unlocked = await Sealed.unlock(opened.database, 'the passphrase of this test', Date.now())
if (!unlocked.ok) throw new Error('the passphrase does not fit')
const gate = createGate({
  name: 'homeserver',
  baseUrl: url,
  allowHttp: true,
  logger: silentLogger,
  clock: systemClock,
  userAgent: 'renewer',
})
const found = await Session.open({
  gate,
  gateTo: () => gate,
  sealed: unlocked.sealed,
  clock: systemClock,
  logger: silentLogger,
  userId: userId as UserId,
  deviceName: 'Renewer',
  onSecret: () => undefined,
  password: process.env['RENEWER_PASSWORD'] ?? '',
})
if (!found.ok) throw new Error(found.words)
const { session } = found

const renew = async (): Promise<void> => {
  const renewal = await session.renew(await session.token())
  if (renewal !== 'renewed') throw new Error(`not renewed: ${typeof renewal === 'string' ? renewal : renewal.words}`)
}
// What the last one left behind is good only if it can be renewed: this server's access tokens do not end.
await renew()
say(`alive ${session.deviceId}`)
for (;;) {
  // Uses the new pair, which ends the one before.
  const state = await session.check()
  if (state !== 'alive') throw new Error(`the session is lost: ${typeof state === 'string' ? state : state.words}`)
  await renew()
}
