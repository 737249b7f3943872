/** Unmodified Python clients over REST and gRPC, where this machine has Python and can install them; else named as not run. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { TestCluster } from '../support/cluster.ts'
import { run } from '../support/run.ts'
import { type Python, pythonWith } from './python-environment.ts'

const here = fileURLToPath(new URL('./', import.meta.url))
const INSTALL_TIMEOUT_MS = 300_000
let cluster: TestCluster
let python: Python

beforeAll(async () => {
  python = pythonWith('clients')
  cluster = await TestCluster.start({ spec: { dimension: 2 } })
}, INSTALL_TIMEOUT_MS)
afterAll(() => cluster.close())

it.for([
  [
    'qdrant-client, LangChain and LlamaIndex for Python work unchanged',
    'python_clients.py',
    () => cluster.url,
    'qdrant-client, LangChain, LlamaIndex',
  ],
  [
    'qdrant-client for Python works unchanged over gRPC: every call that is spoken, and what is refused by name',
    'python_grpc.py',
    () => String(cluster.port + 1),
    '9 steps over gRPC',
  ],
] as const)('%s', ([_what, script, address, printed], context) => {
  if ('missing' in python) {
    context.skip(python.missing)
    return
  }
  const { status, stdout, stderr } = spawnSync(python.path, [join(here, script), address()], {
    encoding: 'utf8',
    timeout: 110_000,
  })
  expect(stderr.split('\n').filter((line) => /Error|assert/.test(line))).toEqual([])
  expect([status, stdout.trim()]).toEqual([0, printed])
})

it('the example for Python prints the nearest point, and leaves nothing', async (context) => {
  if ('missing' in python) {
    context.skip(python.missing)
    return
  }
  const before = await cluster.client.collections()
  const example = join(here, '../../examples/python_qdrant_client.py')
  expect(run(python.path, [example], here, { MAKSDB_URL: cluster.url })).toMatchObject({
    status: 0,
    stdout: 'Solaris 0.9705\n',
  })
  expect(await cluster.client.collections()).toEqual(before)
})
