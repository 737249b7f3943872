/** Unmodified Python clients, where this machine has Python and can install them; else named as not run. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { cacheDir } from '../../setup/steps.mjs'
import { TestCluster } from '../support/cluster.ts'
import { run } from '../support/run.ts'

const here = fileURLToPath(new URL('./', import.meta.url))
const INSTALL_TIMEOUT_MS = 240_000
let cluster: TestCluster
let python: { path: string } | { missing: string }

/** The interpreter of an environment with the clients, made once and cached by their versions. */
function environment(): typeof python {
  const requirements = join(here, 'requirements.txt')
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12)
  const folder = join(cacheDir, 'python', digest)
  const path = join(folder, 'bin', 'python')
  if (existsSync(join(folder, '.complete'))) return { path }
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(dirname(folder), { recursive: true })
  const install = (command: string, ...args: string[]) =>
    spawnSync(command, args, { encoding: 'utf8', timeout: INSTALL_TIMEOUT_MS })
  if (install('python3', '-m', 'venv', folder).status !== 0) return { missing: 'python3 with venv is not installed' }
  if (install(path, '-m', 'pip', 'install', '--quiet', '--requirement', requirements).status !== 0)
    return { missing: 'pip cannot install the clients' }
  mkdirSync(join(folder, '.making'))
  renameSync(join(folder, '.making'), join(folder, '.complete'))
  return { path }
}

beforeAll(async () => {
  python = environment()
  cluster = await TestCluster.start({ spec: { dimension: 2 } })
}, INSTALL_TIMEOUT_MS + 60_000)
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
