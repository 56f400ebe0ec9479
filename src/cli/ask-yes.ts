import { createInterface } from 'node:readline'

/** How somebody agrees to something that cannot be taken back. */
export interface Consent {
  /** `--yes` */
  readonly yes: boolean
  readonly input?: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly output?: NodeJS.WritableStream
}

/**
 * Asks for a word to be typed. Without a terminal only `--yes` counts: a line that happens to stand on standard input is no consent.
 * @param word what has to be typed, letter for letter
 */
export const agreed = async (word: string, { yes, input = process.stdin, output = process.stderr }: Consent): Promise<boolean> => {
  if (yes) return true
  if (input.isTTY !== true) {
    output.write('Nothing was done. Run it on a terminal, or with --yes.\n')
    return false
  }
  const lines = createInterface({ input, output, terminal: false })
  output.write(`Type "${word}" to go on: `)
  try {
    for await (const line of lines) {
      if (line.trim() === word) return true
      break
    }
  } finally {
    lines.close()
  }
  output.write('Nothing was done.\n')
  return false
}
