import { registerHooks } from 'node:module'
import type * as Sdk from 'matrix-bot-sdk'

/** Packages of matrix-bot-sdk that are replaced by `sdk-absent.cjs` when it loads them: start-up falls from 330 to 50 ms. */
const absent = new Set([
  '@matrix-org/matrix-sdk-crypto-nodejs',
  'request',
  'request-promise',
  'express',
  'morgan',
  'postgres',
  'lowdb',
  'lowdb/adapters/FileSync',
  'html-to-text',
  'sanitize-html',
])

let loaded: Promise<typeof Sdk> | undefined

/**
 * Loads matrix-bot-sdk without its native crypto library and without parts we do not use (architecture, decision 3: the import is resolved
 * to a stub, never to an engine). Only imports made from inside the SDK's folder are replaced.
 */
export const loadSdk = (): Promise<typeof Sdk> => {
  loaded ??= (async () => {
    const url = new URL('./sdk-absent.cjs', import.meta.url).href
    registerHooks({
      resolve: (specifier, context, next) =>
        absent.has(specifier) && context.parentURL?.includes('/matrix-bot-sdk/') === true
          ? { url, format: 'commonjs', shortCircuit: true }
          : next(specifier, context),
    })
    return import('matrix-bot-sdk')
  })()
  return loaded
}
