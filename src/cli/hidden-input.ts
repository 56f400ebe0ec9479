import type { ReadStream } from 'node:tty'

/** What came of asking for a secret. */
export type SecretInput = { readonly ok: true; readonly secret: string } | { readonly ok: false; readonly words: string }

/** Where a secret is read from; the process's own standard input and error by default. */
export interface SecretSource {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly output: { write(text: string): unknown }
}

const longest = 4096
const standard: SecretSource = { input: process.stdin, output: process.stderr }

const firstLine = async (input: NodeJS.ReadableStream): Promise<string> => {
  let text = ''
  input.setEncoding('utf8')
  for await (const chunk of input) {
    text += String(chunk)
    if (text.includes('\n') || text.length > longest) break
  }
  return text.split(/\r?\n/, 1)[0] ?? ''
}

/** Reads keys one by one: the terminal shows nothing. undefined = Ctrl+C or Ctrl+D. */
const typed = async (terminal: ReadStream): Promise<string | undefined> => {
  terminal.setEncoding('utf8')
  terminal.setRawMode(true)
  terminal.resume()
  try {
    return await new Promise((resolve) => {
      let text = ''
      const onData = (chunk: string): void => {
        for (const key of chunk) {
          if (key === '\r' || key === '\n' || key === '\u0003' || key === '\u0004') {
            terminal.off('data', onData)
            resolve(key === '\r' || key === '\n' ? text : undefined)
            return
          }
          if (key === '\u007f' || key === '\b') text = text.replace(/.$/su, '')
          else if (key >= ' ') text += key
        }
      }
      terminal.on('data', onData)
    })
  } finally {
    terminal.setRawMode(false)
    terminal.pause()
  }
}

/**
 * Asks for a secret: on a terminal without showing it, else the first line of standard input.
 * @param what in words, such as "Password of @bot:example.org"
 */
export const readSecret = async (what: string, { input, output }: SecretSource = standard): Promise<SecretInput> => {
  let secret: string | undefined
  if (input.isTTY === true) {
    output.write(`${what} (it is not shown): `)
    secret = await typed(input as unknown as ReadStream)
    output.write('\n')
    if (secret === undefined) return { ok: false, words: 'stopped; nothing was changed' }
  } else secret = await firstLine(input)
  if (secret === '')
    return { ok: false, words: `${what} is missing: type it on a terminal, or give it as the first line of standard input` }
  if (secret.length > longest) return { ok: false, words: `${what} is longer than ${longest} characters` }
  return { ok: true, secret }
}
