/** Unmodified Python clients, where this machine has Python and can install them; else named as not run. */
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

it('qdrant-client, LangChain and LlamaIndex for Python work unchanged', (context) => {
  if ('missing' in python) {
    context.skip(python.missing)
    return
  }
  const { status, stdout, stderr } = spawnSync(python.path, [join(here, 'python_clients.py'), cluster.url], {
    encoding: 'utf8',
    timeout: 110_000,
  })
  expect(stderr.split('\n').filter((line) => /Error|assert/.test(line))).toEqual([])
  expect([status, stdout.trim()]).toEqual([0, 'qdrant-client, LangChain, LlamaIndex'])
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
