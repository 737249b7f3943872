/** What runs: one entry a process, asked directly, so that it also works when the supervisor is dead. */

import { ERRORS } from '../core/errors.ts'
import { formatPosition, type Position } from '../core/log/position.ts'
import { collectionOf } from '../protocol/manifest/vector-cluster.ts'
import { INTERNAL_HEADER, RPC } from '../protocol/shard-rpc.ts'
import { askHttp, isOk } from '../runtime/http-call.ts'
import { DataDir, type ProcessRecord, type StoredCluster } from '../supervisor/data-dir.ts'
import { isAlive } from '../supervisor/os-process.ts'
import { endpointOf } from './local/addresses.ts'

export interface ProcessStatus {
  name: string
  kind: 'redis' | 'shard' | 'router' | 'supervisor'
  collection: string | null
  cluster: number | null
  ordinal: number | null
  role: 'primary' | 'replica' | null
  pid: number
  port: number | null
  adminPort: number | null
  ready: boolean
  epoch: number | null
  appliedId: string | null
  points: number | null
  /** Whether the pod has no memory left for writes; absent where it has. */
  memoryFull?: true
}

interface ShardStatus {
  role: string
  epoch: number
  phase: string
  point: { position: Position }
  stats?: { points: number }
  memoryFull?: boolean
}

const NOTHING = {
  collection: null,
  cluster: null,
  ordinal: null,
  role: null,
  epoch: null,
  appliedId: null,
  points: null,
}
export interface LocalStatus {
  endpoint: string | null
  processes: ProcessStatus[]
  /** Processes that do not run because they refuse to; absent where there are none. */
  problems?: { name: string; code: string; message: string }[]
}

const PROBE_TIMEOUT_MS = 1500

export async function localStatus(dataDir: string): Promise<LocalStatus> {
  const dir = new DataDir(dataDir)
  if (!dir.exists) return { endpoint: null, processes: [] }
  const live = [...dir.processes].filter(([, record]) => isAlive(record))
  const { clusters } = dir
  const processes = await Promise.all(live.map(([name, record]) => processStatus(dir, clusters, name, record)))
  const supervisor = dir.supervisor
  if (supervisor && isAlive(supervisor)) {
    processes.push({
      ...NOTHING,
      name: 'supervisor',
      kind: 'supervisor',
      pid: supervisor.pid,
      port: null,
      adminPort: supervisor.adminPort,
      ready: true,
    })
  }
  const problems = dir.lastErrors.map(({ unit, error }) => ({
    name: unit,
    code: error.code,
    message: `${error.message}. ${error.row.hint}`,
  }))
  return {
    endpoint: dir.settings && processes.length > 0 ? endpointOf(dir.settings) : null,
    processes,
    ...(problems.length === 0 ? {} : { problems }),
  }
}

async function processStatus(
  dir: DataDir,
  clusters: readonly StoredCluster[],
  name: string,
  record: ProcessRecord,
): Promise<ProcessStatus> {
  const own = clusters.find(
    ({ manifest }) =>
      name.startsWith(`${manifest.metadata.name}-`) &&
      /^(redis|shard-\d+-\d+)$/.test(name.slice(manifest.metadata.name.length + 1)),
  )
  const collection = own ? collectionOf(own.manifest) : null
  if (name.endsWith('-redis') && own) {
    return {
      ...NOTHING,
      name,
      kind: 'redis',
      collection,
      pid: record.pid,
      port: dir.redisPort(own.manifest.metadata.name) ?? null,
      adminPort: null,
      ready: true,
    }
  }
  const run = dir.readRun(name)
  const ports = run?.pid === record.pid ? { port: run.port, adminPort: run.adminPort } : { port: null, adminPort: null }
  const ready =
    ports.adminPort === null
      ? undefined
      : await askHttp(`http://127.0.0.1:${ports.adminPort}/readyz`, {}, PROBE_TIMEOUT_MS)
  const base = { ...NOTHING, name, collection, pid: record.pid, ...ports, ready: isOk(ready) }
  if (name === 'router') return { ...base, kind: 'router' }
  const [cluster = 0, ordinal = 0] = name.split('-').slice(-2).map(Number)
  const answer =
    ports.port === null
      ? undefined
      : await askHttp(`http://127.0.0.1:${ports.port}${RPC.status}`, { [INTERNAL_HEADER]: dir.token }, PROBE_TIMEOUT_MS)
  const shard = isOk(answer) ? (JSON.parse(answer.bytes.toString()) as ShardStatus) : undefined
  return {
    ...base,
    kind: 'shard',
    cluster,
    ordinal,
    role: shard === undefined ? null : shard.role === 'primary' ? 'primary' : 'replica',
    epoch: shard?.role === 'primary' ? shard.epoch : null,
    appliedId: shard === undefined ? null : formatPosition(shard.point.position),
    points: shard?.stats?.points ?? null,
    ...(shard?.memoryFull ? { memoryFull: true as const } : {}),
  }
}

export function statusTable({ endpoint, processes, problems }: LocalStatus): string[] {
  if (processes.length === 0) return ['nothing is running; "maksdb start" starts a local cluster']
  const header = ['NAME', 'KIND', 'ROLE', 'READY', 'PID', 'PORT', 'POINTS', 'APPLIED']
  const rows = processes
    .toSorted((a, b) => a.kind.localeCompare(b.kind) || a.name.localeCompare(b.name, 'en', { numeric: true }))
    .map((p) => [
      p.name,
      p.kind,
      p.role ?? '-',
      p.ready ? 'yes' : 'no',
      String(p.pid),
      String(p.port ?? p.adminPort ?? '-'),
      p.points === null ? '-' : p.points.toLocaleString('en'),
      p.appliedId ?? '-',
    ])
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] as string).length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] as number))
      .join('  ')
      .trimEnd()
  const lines = (problems ?? []).map(({ name, message }) => `${name} does not start: ${message}`)
  const full = processes
    .filter(({ memoryFull }) => memoryFull)
    .map(({ name }) => `${name} has no memory left for writes: ${ERRORS.MEMORY_FULL.hint}`)
  return [`endpoint ${endpoint}`, line(header), ...rows.map(line), ...lines, ...full]
}
