import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { exitCode } from '../../src/operations/exit-codes.ts'
import {
  accountsOf,
  arriveAtIndoc,
  jobOf,
  membershipOf,
  startArrivalWorld,
  untilGraduated,
  untilOffered,
  type ArrivalWorld,
} from './arrivals.ts'
import { runGatehouse, type CommandEnd } from './gatehouse.ts'
import { keysOfBot, patience, stopClean } from './world.ts'

// A backup is made in the middle of an arrival, the arrival goes on, the data directory is lost, the backup is restored.

let world: ArrivalWorld

beforeAll(async () => {
  world = await startArrivalWorld()
})
afterAll(() => stopClean(world))

const gatehouse = (...args: readonly string[]): Promise<CommandEnd> => runGatehouse(world, args, { env: world.files.env })

test('what was done since the backup is not done again, and the bot is a new device of the same identity', async () => {
  const { dataDir } = world.files
  const ada = await arriveAtIndoc(world, 'Ada')
  const client = await world.clientOf(ada)
  await world.settle(world.indoc)
  expect((await world.give(ada.command())).body).toMatch(/^✅/)
  const direct = await untilOffered(world, ada.userId)
  await expect
    .poll(() => jobOf(world, 'welcome', ada.userId)?.last_error, { timeout: patience })
    .toBe('waits until the person joins the direct chat')

  const made = await gatehouse('backup')
  const backup = `${world.dir}/kept.db`
  copyFileSync(/Backup: (\S+\.db)/.exec(made.output)?.[1] ?? '', backup)
  const running = await gatehouse('restore', backup, '--yes')
  expect(running).toMatchObject({ code: exitCode('locked'), output: expect.stringContaining('stop the bot first') as string })

  // Life goes on: the welcome with a link, the good-bye, a command that changes something.
  await client.join(direct)
  await client.waitForMessage(({ body }) => body.startsWith('Welcome to'), patience)
  await untilGraduated(world, ada.userId)
  const invited = await world.moderator.sendText(world.adminRoom, '!invite Ben')
  await world.answerTo(world.adminRoom, invited)
  const sent = (): unknown => [
    world.admin.database.countEvents({ roomId: direct, sender: world.botId, type: 'm.room.encrypted' }),
    world.authentik.requests.filter(({ method, path }) => method !== 'GET' && !path.endsWith('/login')).length,
    accountsOf(world, ada.email).length,
  ]
  await world.settle(world.indoc)
  const before = sent()
  const keys = await keysOfBot(world)
  // Ada comes back to INDOC to say something: she must not be thrown out by what the backup remembers.
  await world.admin.join(ada.user, world.indoc)

  await world.bot.stop()
  const recoveryKey = `${world.dir}/recovery-key`
  copyFileSync(`${dataDir}/recovery-key`, recoveryKey)
  rmSync(dataDir, { recursive: true, force: true })
  mkdirSync(dataDir, { mode: 0o700 })
  const foreign = `${world.dir}/foreign.db`
  writeFileSync(foreign, 'this is no database, whatever its name may say')
  expect(await gatehouse('restore', foreign, '--yes')).toMatchObject({ code: exitCode('database') })
  expect(await gatehouse('restore', `${world.dir}/nowhere.db`, '--yes')).toMatchObject({ code: exitCode('failed') })
  expect(await gatehouse('restore', backup)).toMatchObject({ code: exitCode('usage') })
  expect(existsSync(`${dataDir}/gatehouse.db`)).toBe(false)
  expect(readdirSync(dataDir).filter((name) => name.startsWith('restoring'))).toEqual([])

  const restored = await gatehouse('restore', backup, '--yes')
  expect(restored).toMatchObject({ code: 0, output: expect.stringContaining('Put the recovery key into') as string })
  expect(statSync(`${dataDir}/gatehouse.db`).mode & 0o777).toBe(0o600)
  copyFileSync(recoveryKey, `${dataDir}/recovery-key`)
  rmSync(recoveryKey)
  const asked = await world.moderator.sendText(world.adminRoom, '!invite Cleo')
  await world.bot.start()

  const told = await world.moderator.waitForMessage(world.adminRoom, { sender: world.botId, body: /restored from a backup/ }, patience)
  expect(told.body).toContain('jobs were open then')
  expect((await world.ask(world.adminRoom, '!ping')).shield).toBe('none')
  await world.settle(world.indoc)
  const after = await keysOfBot(world)
  expect(after.master).toEqual(keys.master)
  expect(after.devices.filter((device) => !keys.devices.includes(device))).toHaveLength(1)
  const jobs = await world.ask(world.adminRoom, '!jobs')
  expect(jobs.body).toMatch(/welcome for .*held, because the bot was restored/)
  expect(jobs.body).toMatch(/graduation from INDOC for .*held/)
  expect(sent()).toEqual(before)
  expect(membershipOf(world, world.indoc, ada.userId)).toBe('join')
  expect([world.answersTo(invited).length, world.answersTo(asked).length]).toEqual([1, 0])

  // A restore over a database that is there keeps it.
  await world.bot.stop()
  const again = await gatehouse('restore', backup, '--yes')
  expect(again).toMatchObject({ code: 0, output: expect.stringContaining('never start a bot on it') as string })
  expect(readdirSync(`${dataDir}/backups`).filter((name) => name.startsWith('before-restore-'))).toHaveLength(1)
  await world.bot.start()
  await world.settle(world.adminRoom)
  expect(sent()).toEqual(before)
}, 150_000)
