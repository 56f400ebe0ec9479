import { configuration } from './configuration.ts'
import { print } from './contract.ts'
import type { CommonOptions, Execute } from './contract.ts'

/** `gatehouse check`: prints every problem of the configuration at once, or where each value comes from with `--sources`. */
export const execute: Execute<CommonOptions & { readonly sources?: boolean }> = async (options) => {
  const loaded = configuration(options)
  if (loaded === undefined) return 'config'
  if (options.sources === true) for (const [key, source] of Object.entries(loaded.sources)) print(`${key}: ${source}`)
  print('The configuration is fine.')
  return 'ok'
}
