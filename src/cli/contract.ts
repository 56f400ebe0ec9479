import type { ExitReason } from '../operations/exit-codes.ts'

/** Options that every operator command knows. */
export interface CommonOptions {
  /** Path from `--config`. */
  readonly config?: string
}

/** What a file of `src/cli/` exports as `execute`: it prints for people and says how the program ends. */
export type Execute<Options> = (options: Options) => Promise<ExitReason>

/** A line for the person at the terminal, on standard output. */
export const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** A line about something wrong, on standard error. */
export const complain = (line: string): void => {
  process.stderr.write(`${line}\n`)
}
