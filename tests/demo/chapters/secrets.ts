import { readdirSync, readFileSync } from 'node:fs'
import type { Stage } from '../stage.ts'

/** What must be nowhere: plaintext on the wire, secrets on the disk; and the end of the bot. */
export const secrets = async (stage: Stage): Promise<void> => {
  const { demo } = stage
  const { admin, users, authentik, bot, files } = demo

  await stage.step("Synapse's database is searched for messages of the bot in clear", async () => {
    const inClear = admin.database.plaintextMessages({ sender: users.bot.userId })
    const encrypted = admin.database.countEvents({ sender: users.bot.userId, type: 'm.room.encrypted' })
    stage.expect(inClear.length === 0, `${inClear.length} in clear: ${inClear.map((event) => event.event_id).join(', ')}`)
    stage.expect(encrypted > 0, 'the bot sent nothing at all')
    return await Promise.resolve(`none in any encrypted room; ${encrypted} encrypted events of the bot`)
  })

  await stage.step('Every request to Authentik is held to its published schema', async () => {
    const broken = authentik.violations.map(({ side, method, path, problems }) => `${side} ${method} ${path}: ${problems.join(', ')}`)
    stage.expect(broken.length === 0, broken.join('; '))
    return await Promise.resolve(`${authentik.requests.length} requests, no violation`)
  })

  await stage.step('The bot ends when it is told to', async () => {
    const begun = performance.now()
    const { code, signal } = await bot.stop()
    const took = performance.now() - begun
    stage.expect(code === 0, `it ended with ${code ?? signal}`)
    stage.expect(took < 10_000, `it took ${(took / 1000).toFixed(1)} s`)
    return 'with code 0, in time'
  })

  await stage.step("The bot's files and logs are searched for secrets", async () => {
    const words = new Map([
      ...stage.secrets,
      ['the crypto passphrase', files.passphrase],
      ["the bot's password", users.bot.password],
      ['the Authentik token', authentik.token],
      ...Array.from(authentik.state.recoveryKeys.values(), ({ key }) => ['the last recovery link', key] as const),
    ])
    const searched = [files.logFile, ...everyFile(files.dataDir).filter((path) => !path.endsWith('/recovery-key'))]
    const recoveryKey = readFileSync(`${files.dataDir}/recovery-key`, 'utf8')
    words.set("the recovery key of the bot's identity", recoveryKey.split('\n').findLast((line) => line.trim() !== '') ?? recoveryKey)
    for (const path of searched) {
      const bytes = readFileSync(path)
      for (const [name, word] of words) stage.expect(!bytes.includes(word.trim()), `${name} stands in ${path}`)
    }
    return await Promise.resolve(`${searched.length} files, ${words.size} secrets, none found`)
  })
}

const everyFile = (directory: string): readonly string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`)
