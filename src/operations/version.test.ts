import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { exitCodes } from './exit-codes.ts'
import { readVersion } from './version.ts'

test('the commit comes from the variable, else from .commit, else it is unknown; nonsense is ignored', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-version-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{"name":"gatehouse","version":"9.9.9"}')
    expect(readVersion({}, folder)).toEqual({ name: 'gatehouse', version: '9.9.9', commit: 'unknown' })
    writeFileSync(join(folder, '.commit'), '0123456789abcdef0123456789abcdef01234567\n')
    expect(readVersion({}, folder).commit).toBe('0123456789ab')
    expect(readVersion({ GATEHOUSE_COMMIT: 'deadbeef' }, folder).commit).toBe('deadbeef')
    expect(readVersion({ GATEHOUSE_COMMIT: '$(git rev-parse)' }, folder).commit).toBe('0123456789ab')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('no two ways to end share a number', () => {
  const codes = Object.values(exitCodes).map(({ code }) => code)
  expect(new Set(codes).size).toBe(codes.length)
})
