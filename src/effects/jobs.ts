import type { EffectHandler } from '../chat/execute.ts'
import type { Scheduler } from '../jobs/scheduler.ts'

/** Scheduling a job. Key: the job's kind and unique key; the row is written in the transaction that stores the outcome, so it exists once or not. */
export const createJobEffect = (scheduler: Scheduler): EffectHandler<'job.schedule'> => ({
  act: (effect, context) =>
    Promise.resolve({
      state: 'done',
      code: 'done',
      text: '',
      also: () =>
        scheduler.add({
          kind: effect.job,
          uniqueKey: effect.uniqueKey,
          payload: effect.payload,
          delayMs: effect.delayMs,
          createdBy: `plan ${context.planId}`,
        }),
    }),
  probe: () => Promise.resolve('absent'),
})
