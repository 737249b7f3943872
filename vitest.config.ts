import { defineConfig } from 'vitest/config'

const CODE = [
  'native',
  'core',
  'protocol',
  'runtime',
  'store',
  'shard-server',
  'router',
  'operator',
  'supervisor',
  'cli',
  'client/src',
  'bench',
]

/** One project a tier; test/run.ts says which run side by side, and gives each its time budget. */
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: CODE.map((folder) => `${folder}/**/*.test.ts`), testTimeout: 60_000 } },
      { test: { name: 'static', include: ['test/static/*.test.ts'], testTimeout: 240_000 } },
      { test: { name: 'redis', include: ['test/redis/*.test.ts'], testTimeout: 60_000, hookTimeout: 30_000 } },
      { test: { name: 'sim', include: ['test/sim/*.test.ts'], testTimeout: 240_000, hookTimeout: 30_000 } },
      {
        test: {
          name: 'local',
          include: ['test/local/*.test.ts'],
          exclude: ['test/local/limits.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Each file has clusters, ports and folders of its own, and mostly waits.
          maxWorkers: 2,
        },
      },
      {
        test: {
          // It measures for how long a process is silent: nothing of its own runs beside it.
          name: 'limits',
          include: ['test/local/limits.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        test: {
          name: 'chaos',
          include: ['test/chaos/*.test.ts'],
          testTimeout: 600_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'compat',
          include: ['test/compat/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'api',
          include: ['test/kube/api/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // Each file has an API server of its own, and some only wait.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'kube',
          include: ['test/kube/cluster/*.test.ts'],
          globalSetup: ['test/kube/support/global-setup.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
