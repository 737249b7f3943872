/** What is done to a running cluster. Each fault heals itself, or is healed by the cluster; it leaves nothing behind. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProcessStatus } from '../../cli/status.ts'
import type { Random } from '../../core/random.ts'
import { RPC } from '../../protocol/shard-rpc.ts'
import { callWithin } from '../../runtime/call.ts'
import { callFrame } from '../../runtime/frame-call.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import { DataDir } from '../../supervisor/data-dir.ts'
import { kill, type TestCluster } from '../support/cluster.ts'
import type { Disturbance, FaultProxy } from '../support/fault-proxy.ts'
import type { TestRedis } from '../support/redis.ts'

export interface Target {
  cluster: TestCluster
  redis: TestRedis
  /** Stands between everything and Redis. */
  proxy: FaultProxy
  cells: number
  random: Random
}

export type Fault = (target: Target) => Promise<unknown>

async function pause(pids: readonly number[], ms: number): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  await sleep(ms)
  // One may have been killed meanwhile; the others must go on all the same.
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGCONT')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

function somePrimary({ cluster, cells, random }: Target): Promise<ProcessStatus> {
  return cluster.primary(Math.floor(random() * cells))
}

async function disturbed({ proxy }: Target, disturbance: Disturbance, ms: number, pid?: number): Promise<void> {
  const heal = proxy.disturb(disturbance, pid)
  await sleep(ms)
  heal()
}

function volumeOf(cluster: TestCluster, { cluster: cell, ordinal }: ProcessStatus): string {
  return join(cluster.dataDir, 'clusters', cluster.name, `shard-${cell}-${ordinal}`)
}

async function podsOfACell({ cluster, cells, random }: Target): Promise<number[]> {
  const cell = Math.floor(random() * cells)
  return (await cluster.processes()).filter((one) => one.cluster === cell).map(({ pid }) => pid)
}

/** One bit of a file of the newest snapshot, anywhere. */
function flipBit(volume: string, random: Random): void {
  const snapshots = join(volume, 'snapshots')
  const newest = readdirSync(snapshots)
    .filter((name) => /^snapshot-\d+-\d+$/.test(name))
    .sort((a, b) => Number(a.split('-')[2]) - Number(b.split('-')[2]))
    .at(-1)
  if (newest === undefined) return
  const files = readdirSync(join(snapshots, newest))
  const path = join(snapshots, newest, files[Math.floor(random() * files.length)] as string)
  const bytes = readFileSync(path)
  if (bytes.length === 0) return
  const at = Math.floor(random() * bytes.length)
  bytes[at] = (bytes[at] as number) ^ (1 << Math.floor(random() * 8))
  writeFileSync(path, bytes)
}

const HAND_OVER_TIMEOUT_MS = 10_000

async function handOver(target: Target): Promise<void> {
  const { port } = await somePrimary(target)
  const dir = new DataDir(target.cluster.dataDir)
  await callFrame({
    url: `http://127.0.0.1:${port}${RPC.handOver}`,
    token: dir.token,
    header: { holdOffMs: 1000 },
    call: callWithin(HAND_OVER_TIMEOUT_MS),
  })
}

/** Redis without memory for a moment. */
async function noMemory({ redis }: Target): Promise<void> {
  await redis.client.config('SET', 'maxmemory', '1mb')
  await sleep(2500)
  await redis.insist((client) => client.config('SET', 'maxmemory', '0'))
}

export const FAULTS: Record<string, Fault> = {
  // Processes
  'kill a primary': async (target) => kill(await somePrimary(target)),
  'kill a replica': async ({ cluster }) => kill(await cluster.find({ kind: 'shard', role: 'replica' })),
  'kill both pods of a cell': async (target) => {
    for (const pid of await podsOfACell(target)) kill({ pid })
  },
  'kill the router': async ({ cluster }) => kill(await cluster.find({ kind: 'router' })),
  'kill the supervisor': async ({ cluster }) => {
    kill(await cluster.find({ kind: 'supervisor' }))
    await cluster.start()
  },
  'kill everything': async ({ cluster }) => {
    for (const one of await cluster.processes()) kill(one)
    await cluster.start()
  },
  'stop and start': async ({ cluster }) => {
    await cluster.stop()
    await cluster.start()
  },
  'kill a primary and Redis': async (target) => {
    kill(await somePrimary(target))
    await target.redis.restart()
  },
  'kill a primary that was told to end': async (target) => {
    const primary = await somePrimary(target)
    kill(primary, 'SIGTERM')
    await sleep(target.random() * 60)
    kill(primary)
  },
  'a primary hands over': handOver,
  'pause a primary past its lease': async (target) => pause([(await somePrimary(target)).pid], 4500),
  'pause a primary for a moment': async (target) => pause([(await somePrimary(target)).pid], 700),
  'pause both pods of a cell': async (target) => pause(await podsOfACell(target), 2500),
  'pause the router': async ({ cluster }) => pause([(await cluster.find({ kind: 'router' })).pid], 1500),
  // Redis
  'kill Redis': async ({ redis }) => redis.restart(),
  'Redis stays away for three seconds': ({ redis }) =>
    redis.alone(async () => {
      await redis.kill()
      await sleep(3000)
      await redis.launch()
    }),
  'pause Redis for a moment': async ({ redis }) => pause([redis.pid], 1000),
  'pause Redis past every lease': async ({ redis }) => pause([redis.pid], 7000),
  'Redis rewrites its file': async ({ redis }) => redis.client.bgrewriteaof(),
  'Redis forgets its scripts': async ({ redis }) => redis.client.script('FLUSH'),
  'Redis closes every connection': async ({ redis }) =>
    redis.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'),
  'Redis has no memory left': noMemory,
  // Network between everything and Redis
  'cut every connection to Redis': async ({ proxy }) => proxy.cut(),
  'no network to Redis': (target) => disturbed(target, { hold: 'both' }, 5000),
  'no network between a primary and Redis': async (target) =>
    disturbed(target, { hold: 'both' }, 6000, (await somePrimary(target)).pid),
  'a primary does not hear Redis': async (target) =>
    disturbed(target, { hold: 'replies' }, 6000, (await somePrimary(target)).pid),
  'Redis does not hear a primary': async (target) =>
    disturbed(target, { hold: 'requests' }, 6000, (await somePrimary(target)).pid),
  'the router does not hear Redis': async (target) =>
    disturbed(target, { hold: 'replies' }, 4000, (await target.cluster.find({ kind: 'router' })).pid),
  'a slow network to Redis': (target) => disturbed(target, { delayMs: 200 }, 4000),
  'a network to Redis that resets': (target) => disturbed(target, { resets: 0.02 }, 4000),
  // Disks
  'a replica loses its volume': async ({ cluster }) => {
    const replica = await cluster.find({ kind: 'shard', role: 'replica' })
    kill(replica)
    rmSync(volumeOf(cluster, replica), { recursive: true, force: true })
  },
  'a bit flips in a snapshot of a pod that is killed': async ({ cluster, random }) => {
    const replica = await cluster.find({ kind: 'shard', role: 'replica' })
    kill(replica)
    flipBit(volumeOf(cluster, replica), random)
  },
}
