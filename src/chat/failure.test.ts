import { CommanderError } from 'commander'
import { expect, test } from 'vitest'
import { declarations } from '../commands/declarations.ts'
import { explainFailure } from './failure.ts'

const [declaration] = declarations
const nothing = { argv: [], values: [], positionals: [], seen: new Map<string, number>() }

// What a person can cause is tested with the parser.
test('an error that no line can cause is passed on', () => {
  for (const error of [new CommanderError(1, 'commander.other', 'other'), new TypeError('bug')]) {
    expect(() => explainFailure(error, declaration!, nothing, '!')).toThrow(error)
  }
})

test('without a place there is no position', () => {
  for (const code of ['commander.excessArguments', 'commander.conflictingOption']) {
    expect(Object.hasOwn(explainFailure(new CommanderError(1, code, ''), declaration!, nothing, '!'), 'position')).toBe(false)
  }
})
