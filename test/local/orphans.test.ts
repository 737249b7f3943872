/** No process is left that nobody knows of, and no two run on one volume, whenever the supervisor is stopped or killed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ProcessStatus } from '../../cli/status.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { until } from '../../runtime/until.ts'
import { kill, TestCluster } from '../support/cluster.ts'

/** A process that lived so long is started again at once. */
const STABLE_MS = 10_000
/** The supervisor waits so long for what does not answer, and asks so rarely. */
const PROBE_MS = 1500
const PROBED_EVERY_MS = 1000

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.start({
    spec: { dimension: 2, clusters: 1, replicas: 2, centroids: { source: 'Random', seed: 1 } },
  })
})
afterAll(() => cluster.close())

/** All processes of this cluster, listed or not. */
function running(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`"dir":"${cluster.dataDir}"`)
      } catch {
        return false
      }
    })
    .map(Number)
}

const shards = async () => (await cluster.processes()).filter(({ kind }) => kind === 'shard')

describe('the processes of a local cluster', () => {
  it('are all ended by a stop that comes while one is about to be started', async () => {
    await sleep(STABLE_MS)
    const [slow, dead] = (await shards()) as [ProcessStatus, ProcessStatus]
    process.kill(slow.pid, 'SIGSTOP')
    await sleep(PROBED_EVERY_MS + 100)
    kill(dead)
    await sleep(100)
    const stopped = cluster.stop()
    await sleep(PROBE_MS)
    process.kill(slow.pid, 'SIGCONT')
    await stopped
    await sleep(500)
    expect(running()).toEqual([])
    await cluster.start()
  })

  it('are found again where the supervisor was killed before it had written them down', async () => {
    const before = await cluster.processes()
    kill(await cluster.find({ kind: 'supervisor' }))
    const list = join(cluster.dataDir, 'processes.json')
    writeFileSync(list, '{}')
    await cluster.start()
    await cluster.allFollow()
    const pids = (all: readonly ProcessStatus[]) =>
      all.flatMap(({ name, kind, pid }) => (kind === 'supervisor' ? [] : [`${name} ${pid}`])).sort()
    expect(pids(await cluster.processes())).toEqual(pids(before))
  })

  it('are not two on one volume: the one that is listed stays', async () => {
    const [shard] = (await shards()) as [ProcessStatus]
    const entries = readFileSync(`/proc/${shard.pid}/environ`, 'utf8').split('\0').filter(Boolean)
    const env = Object.fromEntries(entries.map((entry) => entry.split(/=(.*)/s).slice(0, 2) as [string, string]))
    const second = spawn(process.execPath, [join(import.meta.dirname, '../../shard-server/main.ts')], {
      env: { ...env, MAKSDB_START_ID: 'another', MAKSDB_PORT: '0', MAKSDB_ADMIN_PORT: '0' },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let output = ''
    second.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
    const [code] = (await once(second, 'exit')) as [number]
    expect([code, output]).toEqual([1, expect.stringContaining('another process has the volume')])
    expect(await until('the shard', async () => (await shards()).find(({ pid }) => pid === shard.pid))).toMatchObject({
      ready: true,
    })
  })
})
