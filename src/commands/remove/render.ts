import type { Answer, Inline } from '../../chat/answer.ts'
import type { Effect, Outcome, Plan, PlannedStep } from '../../chat/effects.ts'
import { renderOutcomes } from '../../chat/outcomes.ts'
import type { UserId } from '../../types.ts'
import { count } from '../words.ts'

type NameOf = (userId: UserId) => string

const isMove = (effect: Effect): effect is Extract<Effect, { kind: 'room.kick' | 'room.ban' }> =>
  effect.kind === 'room.kick' || effect.kind === 'room.ban'

/** How the text of a plain removal begins; what follows is the room. */
const startOf = (effect: Extract<Effect, { kind: 'room.kick' | 'room.ban' }>, nameOf: NameOf): string =>
  `${effect.kind === 'room.ban' ? 'ban' : 'kick'} ${nameOf(effect.userId)} from `

/**
 * Steps that were done alike are one line: "Ada: kicked from 18 rooms: A, B, C".
 */
const doneLines = (steps: readonly (readonly [PlannedStep, Outcome])[], nameOf: NameOf): readonly (readonly Inline[])[] => {
  const groups = new Map<string, { readonly head: string; readonly verb: string; readonly rooms: string[] }>()
  const single: (readonly Inline[])[] = []
  for (const [{ effect, text }, outcome] of steps) {
    // The name may have changed since the plan was made: then the line stands as it was shown.
    const start = isMove(effect) ? startOf(effect, nameOf) : undefined
    if (!isMove(effect) || start === undefined || !text.startsWith(start) || outcome.text !== '') {
      single.push(outcome.text === '' ? [text] : [`${text}: ${outcome.text}`])
      continue
    }
    const group = groups.get(start) ?? { head: nameOf(effect.userId), verb: effect.kind === 'room.ban' ? 'banned' : 'kicked', rooms: [] }
    group.rooms.push(text.slice(start.length))
    groups.set(start, group)
  }
  const grouped = [...groups.values()].map(({ head, verb, rooms }): readonly Inline[] => [
    { bold: head },
    `: ${verb} from ${count(rooms.length, 'room')}: ${rooms.join(', ')}`,
  ])
  return [...single, ...grouped]
}

const openLines = (steps: readonly (readonly [PlannedStep, Outcome])[]): readonly (readonly Inline[])[] =>
  steps.map(([step, outcome]) => (outcome.text === '' ? [step.text] : [`${step.text}: ${outcome.text}`]))

/** "18 kicks done, 1 not needed, 2 failed" */
const headline = (pairs: readonly (readonly [PlannedStep, Outcome])[]): string => {
  const of = (state: Outcome['state'], kind?: Effect['kind']): number =>
    pairs.filter(([step, outcome]) => outcome.state === state && (kind === undefined || step.effect.kind === kind)).length
  const [kicks, bans] = [of('done', 'room.kick'), of('done', 'room.ban')]
  const other = of('done') - kicks - bans
  const [skipped, unknown, failed] = [of('skipped'), of('unknown'), of('failed')]
  return [
    ...(kicks === 0 ? [] : [`${count(kicks, 'kick')} done`]),
    ...(bans === 0 ? [] : [`${count(bans, 'ban')} done`]),
    ...(other === 0 ? [] : [`${other} other ${other === 1 ? 'step' : 'steps'} done`]),
    ...(skipped === 0 ? [] : [`${skipped} not needed`]),
    ...(unknown === 0 ? [] : [`${unknown} could not be proven`]),
    ...(failed === 0 ? [] : [`${failed} failed`]),
  ].join(', ')
}

/** The truthful table of a removal: what succeeded first, then what was not needed, what nobody can tell, what failed and who could help. */
export const renderRemoval = (plan: Plan, outcomes: readonly Outcome[], nameOf: NameOf): Answer => {
  const usual = renderOutcomes(plan, outcomes)
  const pairs = plan.steps.flatMap((step, index): (readonly [PlannedStep, Outcome])[] => {
    const outcome = outcomes[index]
    return outcome === undefined ? [] : [[step, outcome]]
  })
  const of = (state: Outcome['state']): (readonly [PlannedStep, Outcome])[] => pairs.filter(([, outcome]) => outcome.state === state)
  const group = (title: string, lines: readonly (readonly Inline[])[]): Answer['blocks'] =>
    lines.length === 0 ? [] : [{ paragraph: [title] }, { list: lines }]
  return {
    ...usual,
    blocks: [
      { paragraph: [{ bold: plan.summary }, `: ${headline(pairs)}`] },
      ...group('✅ done', doneLines(of('done'), nameOf)),
      ...group('➖ not needed', openLines(of('skipped'))),
      ...group('❔ could not be proven: please look before you repeat', openLines(of('unknown'))),
      ...group('❌ failed', openLines(of('failed'))),
      ...(plan.notes ?? []).map((note) => ({ paragraph: [{ italic: note }] })),
    ],
  }
}
