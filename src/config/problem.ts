/** Something wrong with the configuration. Never holds the value of a secret. */
export interface Problem {
  /** Stable word for tests and scripts. */
  readonly code: 'file' | 'syntax' | 'unknown' | 'missing' | 'invalid' | 'placeholder' | 'secret' | 'conflict' | 'advice'
  /** The key, such as `homeserver.url`. */
  readonly key?: string
  /** The environment variable of that key, or the one at fault. */
  readonly variable?: string
  /** Where the value came from: a file with its line, or a variable. */
  readonly where?: string
  /** What is wrong and what to do, in plain words; reads on after the key. */
  readonly message: string
}

/** One line for people: `homeserver.url (GATEHOUSE_HOMESERVER_URL), in bot.config.yaml line 3: must begin with https://`. */
export const formatProblem = (problem: Problem): string => {
  const name =
    problem.key === undefined ? problem.variable : problem.variable === undefined ? problem.key : `${problem.key} (${problem.variable})`
  const where = problem.where === undefined || problem.where === problem.variable ? '' : `in ${problem.where}`
  const head = [name, where].filter((part) => part !== undefined && part !== '').join(', ')
  return head === '' ? problem.message : `${head}: ${problem.message}`
}
