/** An unmodified qdrant-client for Python that prefers gRPC: every call that is spoken, and what is refused by name. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { TestCluster } from '../support/cluster.ts'
import { type Python, pythonWith } from './python-environment.ts'

const INSTALL_TIMEOUT_MS = 300_000
let cluster: TestCluster
let python: Python

beforeAll(async () => {
  python = pythonWith('clients')
  cluster = await TestCluster.start({ spec: { dimension: 2 } })
}, INSTALL_TIMEOUT_MS)
afterAll(() => cluster.close())

it('qdrant-client for Python works unchanged over gRPC', (context) => {
  if ('missing' in python) {
    context.skip(python.missing)
    return
  }
  const script = fileURLToPath(new URL('./python_grpc.py', import.meta.url))
  const { status, stdout, stderr } = spawnSync(python.path, [script, String(cluster.port + 1)], {
    encoding: 'utf8',
    timeout: 110_000,
  })
  expect(stderr.split('\n').filter((line) => /Error|assert/.test(line))).toEqual([])
  expect([status, stdout.trim()]).toEqual([0, '9 steps over gRPC'])
})
