import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { programDirectory, readVersion } from './operations/version.ts'

const program = join(programDirectory, 'bin/gatehouse.mjs')
/** Makes Node believe it is another version, until it starts a process of its own. */
const pretend = (version: string): readonly string[] => [
  '--import',
  `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`,
]
const run = (
  args: readonly string[],
  options: { readonly node?: readonly string[]; readonly file?: string; readonly cwd?: string } = {},
) => {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('GATEHOUSE_')))
  return spawnSync(process.execPath, [...(options.node ?? []), options.file ?? program, ...args], {
    encoding: 'utf8',
    cwd: options.cwd ?? folder,
    env,
  })
}
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-main-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('bin/gatehouse.mjs', () => {
  test('runs the program and passes its exit code on', () => {
    const version = run(['--version'])
    expect(version.stdout).toContain(readVersion().version)
    expect(version.status).toBe(0)
    const wrong = run(['chek'])
    expect(wrong.stderr).toContain('Did you mean check?')
    expect(wrong.status).toBe(2)
  })

  test('on an old Node it names the fix when it finds no newer one', () => {
    mkdirSync(join(folder, 'bin'))
    const copy = join(folder, 'bin/gatehouse.mjs')
    copyFileSync(program, copy)
    const result = run(['--version'], { node: pretend('20.1.0'), file: copy })
    expect(result.stderr).toContain(
      `needs Node.js 24 or newer, this is 20.1.0.\nInstall it from https://nodejs.org, or run npm ci in ${folder}`,
    )
    expect(result.status).toBe(12)
  })

  test('a program without its files says so', () => {
    mkdirSync(join(folder, 'bin'))
    const copy = join(folder, 'bin/gatehouse.mjs')
    copyFileSync(program, copy)
    const result = run(['--version'], { file: copy })
    expect(result.stderr).toContain('Is the installation complete?')
    expect(result.status).toBe(12)
  })
})

describe('commands', () => {
  test('help and unknown options', () => {
    expect(run(['--help']).status).toBe(0)
    expect(run([]).status).toBe(0)
    expect(run(['check', '--confg', 'x']).stderr).toContain('Did you mean --config?')
    expect(run(['check', '--confg', 'x']).status).toBe(2)
  })

  test('check prints every problem and ends with 3', () => {
    const result = run(['check'])
    expect(result.stderr).toContain('homeserver.url (GATEHOUSE_HOMESERVER_URL): is required')
    expect(result.stderr).toContain('authentik.enrollmentFlow')
    expect(result.stdout).toBe('')
    expect(result.status).toBe(3)
  })
})
