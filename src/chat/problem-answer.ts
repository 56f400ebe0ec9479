import { paragraph, type Answer, type Block } from './answer.ts'
import { listOf } from './help.ts'
import type { Problem } from './problem.ts'
import type { ResolveProblem } from './resolve.ts'

/** Characters of the line to show on each side of the wrong place. */
const context = 30

const flat = (text: string): string => text.replace(/\s/g, ' ')

/** The line with a pointer under the wrong place. */
const pointer = (line: string, position: number): Block => {
  const start = Math.max(0, position - context)
  const before = `${start > 0 ? '…' : ''}${flat(line.slice(start, position))}`
  const after = `${flat(line.slice(position, position + context))}${position + context < line.length ? '…' : ''}`
  return { preformatted: `${before}${after}\n${' '.repeat(Array.from(before).length)}^` }
}

/**
 * Says what is wrong with a line: the reason, "did you mean …?", and where. Nothing was done.
 * @param line as it was parsed
 * @param prefix put before suggested commands
 */
export const problemAnswer = (problem: Problem, line: string, prefix = '!'): Answer => {
  const { code, words, suggestions, position, declaration } = problem
  const names = code === 'unknown-command' ? suggestions.map((name) => prefix + name) : suggestions
  const hint = names.length > 0 ? [' Did you mean ', ...listOf(names), '?'] : []
  const more = declaration ? [' More: ', { code: `${prefix}help ${declaration.name}` }] : [' All commands: ', { code: `${prefix}help` }]
  const end = /[.!?`]$/.test(words) ? '' : '.'
  const blocks: Block[] = [paragraph(words + end, ...hint, ...more)]
  if (position !== undefined && position > 0) blocks.push(pointer(line, position))
  return { mark: '❌', code, blocks }
}

/** A person or room that matches nothing or several things, with those that may be meant. */
export const unresolvedAnswer = ({ code, words, suggestions }: ResolveProblem): Answer => ({
  mark: '❌',
  blocks: [
    paragraph(`${words}.`),
    ...(suggestions.length === 0
      ? []
      : [paragraph('Did you mean ', ...suggestions.flatMap((one, index) => [...(index === 0 ? [] : [', ']), { code: one }]), '?')]),
  ],
  code,
})
