import { durationWords } from '../operations/durations.ts'
import type { Answer, Block, Inline, Mark } from './answer.ts'
import type { Outcome, Plan, PlannedStep } from './effects.ts'

/** The mark of a command, computed from what really came of its steps. */
export const markOf = (outcomes: readonly Outcome[]): Mark => {
  const has = (state: Outcome['state']): boolean => outcomes.some((outcome) => outcome.state === state)
  const good = has('done') || has('skipped')
  if (has('failed')) return good || has('unknown') ? '⚠️' : '❌'
  return has('unknown') ? '❔' : '✅'
}

const codeOf = (mark: Mark): string => ({ '✅': 'ok', '⚠️': 'partly', '❌': 'failed', '❔': 'unknown' })[mark]

/** Steps that came out alike are one line: "kicked from 18 rooms: A, B, C". Long lists are cut with their number told. */
const lines = (steps: readonly (readonly [PlannedStep, Outcome])[]): Inline[][] =>
  steps.map(([step, outcome]) => (outcome.text === '' ? [step.text] : [step.text, ': ', outcome.text]))

/**
 * The answer of a plan that has run: what succeeded first, then what was not needed, what could not be proven, what failed, each with its
 * reason and the next step.
 */
export const renderOutcomes = (
  plan: Plan,
  outcomes: readonly Outcome[],
  privacy: Answer['privacy'] = plan.personal === true ? 'personal' : 'public',
): Answer => {
  const mark = markOf(outcomes)
  const pairs = plan.steps.map((step, index): [PlannedStep, Outcome] => {
    const outcome = outcomes[index]
    if (outcome === undefined) throw new Error('a plan has as many outcomes as steps')
    return [step, outcome]
  })
  const of = (state: Outcome['state']): [PlannedStep, Outcome][] => pairs.filter(([, outcome]) => outcome.state === state)
  const blocks: Block[] = [{ paragraph: [{ bold: plan.summary }, `: ${headline(outcomes)}`] }]
  const group = (title: string, steps: [PlannedStep, Outcome][]): void => {
    if (steps.length === 0) return
    blocks.push({ paragraph: [title] }, { list: lines(steps) })
  }
  group('✅ done', of('done'))
  group('➖ not needed', of('skipped'))
  group('❔ could not be proven: please look before you repeat', of('unknown'))
  group('❌ failed', of('failed'))
  for (const note of plan.notes ?? []) blocks.push({ paragraph: [{ italic: note }] })
  return { mark, blocks, code: codeOf(mark), ...(privacy === undefined ? {} : { privacy }) }
}

/** "18 done, 2 failed". */
export const headline = (outcomes: readonly Outcome[]): string => {
  const words: readonly (readonly [Outcome['state'], string])[] = [
    ['done', 'done'],
    ['skipped', 'not needed'],
    ['unknown', 'could not be proven'],
    ['failed', 'failed'],
  ]
  const parts = words.flatMap(([state, word]) => {
    const count = outcomes.filter((outcome) => outcome.state === state).length
    return count === 0 ? [] : [`${count} ${word}`]
  })
  return parts.length === 0 ? 'nothing to do' : parts.join(', ')
}

/** The plan as text: for `--dry-run` and for confirmation. */
export const renderPlan = (plan: Plan, title: string): readonly Block[] => {
  const open = plan.steps.filter((step) => step.blocked === undefined)
  const blocked = plan.steps.filter((step) => step.blocked !== undefined)
  const blocks: Block[] = [{ paragraph: [title, ' ', { bold: plan.summary }] }]
  if (open.length > 0) blocks.push({ list: open.map((step) => [step.text]) })
  if (blocked.length > 0) {
    blocks.push({ paragraph: ['These will not happen:'] }, { list: blocked.map((step) => [step.text, ': ', step.blocked?.text ?? '']) })
  }
  if (plan.estimateMs !== undefined && plan.estimateMs > 2000)
    blocks.push({ paragraph: [`It will take about ${durationWords(plan.estimateMs)}.`] })
  for (const note of plan.notes ?? []) blocks.push({ paragraph: [{ italic: note }] })
  if (plan.preview !== undefined) blocks.push({ paragraph: ['The message:'] }, { preformatted: plan.preview })
  return blocks
}
