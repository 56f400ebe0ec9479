import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // A test that is left out must not look like one that passed.
    allowOnly: false,
    // The tests against servers wait more than they compute: with three at once two cores are busy.
    maxWorkers: 3,
    pool: 'forks',
    // Synapse gets 10 s to end before it is killed.
    teardownTimeout: 20_000,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['src/**/*.test.ts'], testTimeout: 10_000 },
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
