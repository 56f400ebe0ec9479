import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { templateNames } from '../onboarding/templates.ts'
import { tryTemplate } from './try-template.ts'
import type { TryTemplateOptions } from './try-template.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-try-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const run = (options: TryTemplateOptions) => {
  const out: string[] = []
  const complaints: string[] = []
  const code = tryTemplate({ ...options, write: (text) => out.push(text), complain: (text) => complaints.push(text) })
  return { code, out: out.join('\n'), complaints: complaints.join('\n') }
}

describe('gatehouse try template', () => {
  test.each(templateNames)('%s is shown with nothing left out that is usual', (name) => {
    const { code, out } = run({ name })
    expect(code).toBe(0)
    expect(out.length).toBeGreaterThan(40)
    expect(out).not.toMatch(/[{}]|undefined|\[object/)
  })

  test('a link or a passphrase, plain or HTML', () => {
    expect(run({ name: 'welcome-with-credentials' }).out).toMatch(/flow_token=example/)
    const other = run({ name: 'welcome-with-credentials', passphrase: true, html: true }).out
    expect(other).toMatch(/<code>five words of your own<\/code>/)
    expect(other).not.toContain('flow_token')
    // The usual welcome is not the one whose credentials could not be made.
    expect(run({ name: 'welcome' }).out).not.toMatch(/could not be made/)
  })

  test('two sentences on how to accept an invitation', () => {
    for (const name of ['welcome', 'welcome-with-credentials'])
      expect(run({ name }).out).toMatch(
        /I have invited you to Lobby, Hiking\. An invitation appears in your list of chats[^.]*: tap it, then tap Accept or Join\./,
      )
  })

  test('own templates, a list of all, and what is wrong', () => {
    writeFileSync(join(folder, 'welcome-guests.md'), 'Dear {name}!')
    expect(run({ directory: folder }).out.split('\n')).toEqual([...templateNames, 'welcome-guests'])
    expect(run({ directory: folder, name: 'welcome-guests' }).out).toBe('Dear Ada!')
    expect(run({ name: 'nothing' })).toMatchObject({
      code: 2,
      complaints: expect.stringContaining('there is no template nothing') as string,
    })
    writeFileSync(join(folder, 'hello.md'), 'Dear {friend}!')
    expect(run({ directory: folder, name: 'hello' })).toMatchObject({
      code: 2,
      complaints: expect.stringContaining('{friend} is not') as string,
    })
  })
})
