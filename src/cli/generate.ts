import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { renderCommandsPage } from '../chat/commands-page.ts'
import { declarations } from '../commands/declarations.ts'
import { configurationDocument, exampleFile } from '../config/document.ts'
import { exitCodesDocument } from '../operations/exit-codes.ts'
import { metricsDocument } from '../operations/metrics.ts'
import { programDirectory } from '../operations/version.ts'
import { complain, print } from './contract.ts'

/** Files that are made from the source, by path. A test fails when one is stale; `npm run generate` writes them. */
export const generated: Readonly<Record<string, () => string>> = {
  'bot.config.example.yaml': exampleFile,
  'docs/configuration.md': configurationDocument,
  'docs/commands.md': () => renderCommandsPage(declarations),
  'docs/exit-codes.md': exitCodesDocument,
  'docs/metrics.md': metricsDocument,
}

/** The generated files of a checkout that are not as the source says. */
export const stale = (directory: string = programDirectory): readonly string[] =>
  Object.entries(generated)
    .filter(([path, make]) => !existsSync(join(directory, path)) || readFileSync(join(directory, path), 'utf8') !== make())
    .map(([path]) => path)

if (import.meta.main) {
  const paths = stale()
  if (process.argv.includes('--check')) {
    for (const path of paths) complain(`${path} is stale: run npm run generate`)
    process.exitCode = paths.length === 0 ? 0 : 1
  } else {
    for (const path of paths) {
      const file = join(programDirectory, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, generated[path]?.() ?? '')
      print(`written: ${path}`)
    }
    if (paths.length === 0) print('everything is up to date')
  }
}
