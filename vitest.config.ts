import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** The files that take longest, the longest first: begun last, one of them would keep the others waiting at the end. */
const slow = [
  'adduser-outages',
  'adduser-crash',
  'faults',
  'adduser-crash-late',
  'adduser-failures',
  'exactly-once',
  'crypto-cli',
  'approve-kills',
  'adduser',
  'hostile',
  'hang',
  'sessions',
  'bridge',
  'identity-crash',
  'crypto-faults',
  'approve-edges',
  'introductions',
  'harness',
  'remove',
  'restore',
  'kill-sweep',
  'session-crash',
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const index = slow.findIndex((name) => moduleId.endsWith(`/homeserver/${name}.test.ts`))
      return index === -1 ? slow.length : index
    }
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other))
  }
}

export default defineConfig({
  test: {
    // A test that is left out must not look like one that passed.
    allowOnly: false,
    // The tests against servers wait more than they compute: with four at once two cores are busy.
    maxWorkers: 4,
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    // Synapse gets 10 s to end before it is killed.
    teardownTimeout: 20_000,
    projects: [
      {
        extends: true,
        // One process for many files: loading the same modules for each of 180 takes longer than the tests. What a file changes outside itself it puts back.
        test: { name: 'unit', include: ['src/**/*.test.ts'], testTimeout: 10_000, isolate: false },
      },
      {
        extends: true,
        test: {
          name: 'server',
          include: ['tests/**/*.test.ts'],
          globalSetup: ['tests/support/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
