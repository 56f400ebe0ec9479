import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'

/** The forms in which a secret could stand somewhere. */
const formsOf = (secret: string): readonly string[] => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(secret).toString('hex'),
  JSON.stringify(secret).slice(1, -1),
]

/** What a room key or a private key would stand beside, whoever made it. */
const shapes = /"?(?:session_key|private_key|recovery_key|pickle)"?\s*[:=]\s*"?[A-Za-z0-9+/]{40}/

/** Every file of a bot that an operator might hand on: its data directory (the recovery key's own file aside) and its log, as one text. */
export const onDisk = (files: { readonly dataDir: string; readonly logFile: string }): string => {
  // A bot that was never started has nothing.
  if (!existsSync(files.dataDir)) return ''
  const names = readdirSync(files.dataDir, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/(^|\/)recovery-key[^/]*$/.test(name))
    .map((name) => `${files.dataDir}/${name}`)
    .filter((name) => statSync(name).isFile())
  return [...names, files.logFile].map((file) => readFileSync(file, 'latin1')).join('\n')
}

/**
 * Looks for secrets in a text.
 * @param secrets what it is → the secret; those under nine characters would be found in ordinary words and are an error of the test
 * @returns what was found, in words without the secret
 */
export const secretsIn = (text: string, secrets: Readonly<Record<string, string>>): readonly string[] => {
  for (const [what, secret] of Object.entries(secrets))
    if (secret.length < 9) throw new Error(`${what} is no secret that can be looked for`)
  const found = Object.entries(secrets).filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)))
  return [...found.map(([what]) => `${what} is on the disk`), ...(shapes.test(text) ? ['a key is on the disk'] : [])]
}
