import type { Clock } from '../operations/clock.ts'
import type { Logger } from '../operations/logger.ts'
import type { Effect, Outcome } from './effects.ts'
import type { PlanStore, StoredStep } from './plans.ts'

/** What an effect may look at while it runs. */
export interface EffectContext {
  readonly planId: number
  readonly step: number
  /** Stable for the step, for transaction ids and nonces. */
  readonly key: string
  /** Outcomes of steps that are finished, by their number. */
  readonly outcomes: ReadonlyMap<number, Outcome>
  readonly signal: AbortSignal
}

/** What came of an effect, and the rows that belong to it. */
export type EffectResult = Outcome & {
  /** Runs in the transaction that stores the outcome. */
  readonly also?: () => void
}

/** One kind of effect. `docs/effects.md` has the table. */
export interface EffectHandler<Kind extends Effect['kind']> {
  /** Carries it out. Looks first where looking is cheap ("not in the room" is success). */
  act(effect: Extract<Effect, { kind: Kind }>, context: EffectContext): Promise<EffectResult>
  /**
   * After a crash between intent and outcome: is the effect there? A result = it is certain; `absent` = it certainly is not, do it;
   * `unknown` = nobody can tell, and it is not repeated.
   */
  probe(effect: Extract<Effect, { kind: Kind }>, context: EffectContext): Promise<EffectResult | 'absent' | 'unknown'>
}

/** A handler for every kind of effect. */
export type EffectHandlers = { readonly [Kind in Effect['kind']]: EffectHandler<Kind> }

/** Told after each step: for the progress message. */
export type Progress = (finished: number, total: number) => void

/** At most this many effects of one plan run at the same time. */
const width = 8

/**
 * Runs a plan: steps whose predecessors succeeded run at the same time; a failed step blocks only those that need it. Every step's intent is
 * on disk before it acts. After a restart, certain steps are kept, open ones looked up.
 */
export class Executor {
  readonly #store: PlanStore
  readonly #handlers: EffectHandlers
  readonly #clock: Clock
  readonly #logger: Logger

  constructor(options: { readonly store: PlanStore; readonly handlers: EffectHandlers; readonly clock: Clock; readonly logger: Logger }) {
    this.#store = options.store
    this.#handlers = options.handlers
    this.#clock = options.clock
    this.#logger = options.logger
  }

  /**
   * Runs what is open of a plan.
   * @param signal ends it early (shutdown): no further step begins, and undefined is returned; the rest runs after the restart
   */
  async run(planId: number, signal: AbortSignal, progress?: Progress): Promise<readonly Outcome[] | undefined> {
    const steps = this.#store.steps(planId)
    const outcomes = new Map<number, Outcome>()
    for (const { step, outcome } of steps) if (outcome !== undefined) outcomes.set(step, outcome)
    const waiting = new Set(steps.filter((step) => step.outcome === undefined))
    const running = new Map<number, Promise<void>>()
    while (waiting.size > 0 || running.size > 0) {
      if (!signal.aborted) {
        for (const step of waiting) {
          if (running.size >= width) break
          if (!ready(step, outcomes)) continue
          waiting.delete(step)
          const broken = step.planned.after?.find((before) => !succeeded(outcomes.get(before)))
          if (broken !== undefined) {
            this.#finish(planId, step.step, blockedBy(steps, broken), outcomes)
            progress?.(outcomes.size, steps.length)
            continue
          }
          const work = this.#one(planId, step, outcomes, signal).then(() => {
            running.delete(step.step)
            progress?.(outcomes.size, steps.length)
          })
          running.set(step.step, work)
        }
      } else if (running.size === 0) return undefined
      if (running.size > 0) await Promise.race(running.values())
      else if (waiting.size > 0 && !signal.aborted && ![...waiting].some((step) => ready(step, outcomes))) {
        throw new Error(`plan ${planId} waits for itself`)
      }
    }
    // The shutdown left steps open.
    if (outcomes.size < steps.length) return undefined
    return steps.map(({ step }) => {
      const outcome = outcomes.get(step)
      if (outcome === undefined) throw new Error(`step ${step} of plan ${planId} has no outcome`)
      return outcome
    })
  }

  async #one(planId: number, { step, planned, state }: StoredStep, outcomes: Map<number, Outcome>, signal: AbortSignal): Promise<void> {
    const context: EffectContext = { planId, step, key: `${planId}.${step}`, outcomes, signal }
    // The handler belongs to the kind; TypeScript cannot see that through the mapped type.
    const handler = this.#handlers[planned.effect.kind] as EffectHandler<Effect['kind']>
    let result: EffectResult
    try {
      if (state === 'intended') {
        const found = await handler.probe(planned.effect, context)
        if (found === 'unknown')
          result = { state: 'unknown', code: 'unknown', text: 'the bot was restarted in the middle of it; please check' }
        else if (found === 'absent') result = await handler.act(planned.effect, context)
        else result = found
      } else {
        this.#store.intend(planId, step, this.#clock.now())
        result = await handler.act(planned.effect, context)
      }
    } catch (error) {
      // A bug in a handler must not leave the plan without an answer, nor hide what the other steps did.
      this.#logger.error({ err: error, effect: planned.effect.kind, plan: planId }, 'an effect failed unexpectedly')
      result = { state: 'unknown', code: 'bug', text: 'an internal error happened; the operator finds it in the log' }
    }
    // A step that the shutdown cut short stays open: the restart looks what became of it. A failure may be the shutdown's own doing.
    if (signal.aborted && (result.state === 'unknown' || result.state === 'failed')) return
    this.#finish(planId, step, result, outcomes)
  }

  #finish(planId: number, step: number, { also, ...outcome }: EffectResult, outcomes: Map<number, Outcome>): void {
    this.#store.finish(planId, step, outcome, this.#clock.now(), also)
    outcomes.set(step, outcome)
  }
}

const ready = (step: StoredStep, outcomes: ReadonlyMap<number, Outcome>): boolean =>
  (step.planned.after ?? []).every((before) => outcomes.has(before))

const succeeded = (outcome: Outcome | undefined): boolean => outcome?.state === 'done' || outcome?.state === 'skipped'

const blockedBy = (steps: readonly StoredStep[], broken: number): Outcome => ({
  state: 'failed',
  code: 'blocked',
  text: `not tried, because this did not work: ${steps.find((step) => step.step === broken)?.planned.text ?? 'an earlier step'}`,
})
