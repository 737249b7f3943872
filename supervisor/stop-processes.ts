/** The orderly end of a local cluster, by its supervisor or, where that is dead, by the command line. */
import type { DataDir } from './data-dir.ts'
import { liveProcesses } from './orphans.ts'
import { endProcess } from './os-process.ts'

const GRACE_MS = 20_000

/** Stops what runs: the router, then the shards, each with a last snapshot, then Redis. */
export async function stopProcesses(dir: DataDir): Promise<void> {
  const records = liveProcesses(dir)
  const kind = (name: string) => (name === 'router' ? 'router' : name.endsWith('-redis') ? 'redis' : 'shard')
  for (const stage of ['router', 'shard', 'redis']) {
    await Promise.all(
      records.filter(([name]) => kind(name) === stage).map(([, record]) => endProcess(record, GRACE_MS)),
    )
  }
  dir.saveProcesses(new Map())
}
