import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { agreed } from './ask-yes.ts'

const ask = async (typed: string | undefined, yes = false) => {
  const input = Object.assign(new PassThrough(), { isTTY: typed !== undefined })
  const output = new PassThrough()
  let said = ''
  output.on('data', (chunk: Buffer) => (said += chunk.toString()))
  input.end(typed ?? '@bot:x\n')
  return { answer: await agreed('@bot:x', { yes, input, output }), said: () => said }
}

test.each([
  ['the word', '@bot:x\n', true],
  ['the word with spaces around it', '  @bot:x \n', true],
  ['another word', 'yes\n', false],
  ['nothing', '\n', false],
  ['the end of the input', '', false],
  ['the word too late', 'no\n@bot:x\n', false],
])('%s typed on a terminal', async (_, typed, answer) => expect((await ask(typed)).answer).toBe(answer))

test('without a terminal only --yes counts', async () => {
  const silent = await ask(undefined)
  expect(silent.answer).toBe(false)
  expect(silent.said()).toContain('--yes')
  expect((await ask(undefined, true)).answer).toBe(true)
})
