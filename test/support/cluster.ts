/** A local cluster of a test's own: the real command line, real processes, a folder that goes away at the end. */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { localStatus, type ProcessStatus } from '../../cli/status.ts'
import { MaksDB } from '../../client/src/index.ts'
import { until } from '../../runtime/until.ts'
import type { RepairReport } from '../../shard-server/recovery/log-repair.ts'
import { connect, type Redis } from '../../store/connection.ts'
import { DataDir } from '../../supervisor/data-dir.ts'
import { portIsFree } from '../../supervisor/os-process.ts'

export const cli = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

export interface Run {
  code: number
  stdout: string
  stderr: string
}

interface RunOptions {
  cwd?: string
  env?: Record<string, string>
  input?: string
}

export async function runCli(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  if (args[0] !== 'start' || args.includes('--port')) return runProgram(args, options)
  // Two starts that look for a free pair of ports at the same time find the same one.
  await until('the start of another test to end', () => claimed('start'), 170_000)
  try {
    return await runProgram(args, options)
  } finally {
    rmSync(join(CLAIMS, 'start'), { force: true })
  }
}

function runProgram(args: readonly string[], options: RunOptions): Promise<Run> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [cli, ...args],
      { cwd: options.cwd, env: { ...process.env, ...options.env }, timeout: 170_000, maxBuffer: 256 * 1024 * 1024 },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr }),
    )
    child.stdin?.end(options.input ?? '')
  })
}

export interface ClusterSpec {
  name?: string
  spec: Record<string, unknown>
  env?: Record<string, string>
  documents?: unknown[]
}

export class TestCluster {
  readonly folder = mkdtempSync(join(tmpdir(), 'maksdb-cluster-'))
  readonly dataDir = join(this.folder, 'data')
  readonly name: string
  readonly env: Record<string, string>
  readonly manifest: string
  port = 0

  private constructor(options: ClusterSpec) {
    this.name = options.name ?? 'things'
    this.env = options.env ?? {}
    const vectorCluster = {
      apiVersion: 'maksdb.io/v1alpha1',
      kind: 'VectorCluster',
      metadata: { name: this.name },
      spec: options.spec,
    }
    this.manifest = join(this.folder, 'manifest.yaml')
    writeFileSync(
      this.manifest,
      [vectorCluster, ...(options.documents ?? [])].map((document) => stringify(document)).join('---\n'),
    )
  }

  static async start(options: ClusterSpec): Promise<TestCluster> {
    const cluster = new TestCluster(options)
    cluster.port = await freePair()
    await cluster.start()
    return cluster
  }

  async start(): Promise<void> {
    const { code, stdout, stderr } = await runCli(
      ['start', '-f', this.manifest, '--data-dir', this.dataDir, '--port', String(this.port)],
      { env: this.env },
    )
    if (code !== 0) throw new Error(`start failed: ${stdout}${stderr}\n${this.logs()}`)
  }

  async stop(): Promise<void> {
    const { code, stderr } = await runCli(['stop', '--data-dir', this.dataDir])
    if (code !== 0) throw new Error(`stop failed: ${stderr}`)
  }

  async close(): Promise<void> {
    await runCli(['stop', '--data-dir', this.dataDir, '--purge'])
    rmSync(this.folder, { recursive: true, force: true })
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get client(): MaksDB {
    return new MaksDB({ url: this.url })
  }

  get collection() {
    return this.client.collection(this.name)
  }

  async fetch(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const text =
      typeof body === 'string' || Buffer.isBuffer(body) ? body : body === undefined ? undefined : JSON.stringify(body)
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { ...(text === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(text === undefined ? {} : { body: text }),
    })
    const raw = await response.text()
    let json: unknown
    try {
      json = JSON.parse(raw)
    } catch {
      json = undefined
    }
    return {
      status: response.status,
      headers: response.headers,
      raw,
      json: json as { result?: unknown; status?: unknown; maksdb?: Record<string, unknown> },
    }
  }

  async processes(): Promise<ProcessStatus[]> {
    return (await localStatus(this.dataDir)).processes
  }

  async find(wanted: Partial<ProcessStatus>): Promise<ProcessStatus> {
    const found = (await this.processes()).find((one) =>
      Object.entries(wanted).every(([key, value]) => one[key as keyof ProcessStatus] === value),
    )
    if (!found) throw new Error(`no process ${JSON.stringify(wanted)}`)
    return found
  }

  primary(cell: number): Promise<ProcessStatus> {
    return until(`a primary of cell ${cell}`, async () =>
      (await this.processes()).find(({ cluster, role }) => cluster === cell && role === 'primary'),
    )
  }

  /** Kills processes, all where not said otherwise, and returns when they are dead: a dying Redis may still write. */
  async killAll(which: (one: ProcessStatus) => boolean = () => true): Promise<void> {
    const victims = (await this.processes()).filter(which)
    for (const victim of victims) kill(victim)
    await until(
      'the victims to be dead',
      async () => (await this.processes()).every(({ pid }) => victims.every((one) => one.pid !== pid)) || undefined,
    )
  }

  /** What Redis keeps on its volume. */
  get redisFiles(): string {
    return join(this.dataDir, 'clusters', this.name, 'redis')
  }

  /** The loss of part of the log was noticed and made good. */
  repaired(): Promise<RepairReport> {
    return until(
      'the log to be repaired',
      async () => (await this.topology().catch(() => undefined))?.last_repair ?? undefined,
      60_000,
    )
  }

  /** Writes points, again and again where they are refused, until they are taken. */
  async writable(points: readonly unknown[]): Promise<void> {
    await until(
      'writes to be taken again',
      async () =>
        (await this.fetch('PUT', `/collections/${this.name}/points?timeout=5`, { points })).status === 200 || undefined,
    )
  }

  async redis(): Promise<Redis> {
    const dir = new DataDir(this.dataDir)
    return connect(
      `redis://:${dir.readSecretFile(dir.redisPasswordFile(this.name))}@127.0.0.1:${dir.redisPort(this.name)}`,
    )
  }

  async topology() {
    return (await this.collection.topology()) as unknown as Topology
  }

  /** Every row is in its cell. */
  settled(): Promise<Topology> {
    return until(
      'all rows to be in their cells',
      async () => {
        const topology = await this.topology()
        const { version, cells_still_moving } = topology.centroids
        return version > 0 && cells_still_moving === 0 ? topology : undefined
      },
      90_000,
    )
  }

  /** As `settled`, when so many points are visible, too: `ingest` ends when they are durable. */
  async filled(points: number): Promise<void> {
    await this.settled()
    await until('the points to be visible', async () => (await this.collection.count()) === points, 60_000)
  }

  allReady(): Promise<boolean> {
    return until(
      'the cluster to be ready',
      async () => (await fetch(`${this.url}/readyz`).catch(() => undefined))?.ok || undefined,
      60_000,
    )
  }

  /** Every shard process runs and follows its log. */
  allFollow(): Promise<boolean> {
    return until(
      'all shards to follow the log',
      async () => {
        const shards = (await this.processes()).filter(({ kind }) => kind === 'shard')
        return (shards.length > 0 && shards.every(({ ready }) => ready)) || undefined
      },
      60_000,
    )
  }

  /** The last lines of every program's log. */
  logs(): string {
    return this.#logs()
      .map(({ name, lines }) => `== ${name}\n${lines.slice(-8).join('\n')}`)
      .join('\n')
  }

  /** All lines of all logs that contain a text. */
  linesWith(text: string): string[] {
    return this.#logs().flatMap(({ lines }) => lines.filter((line) => line.includes(text)))
  }

  #logs(): { name: string; lines: string[] }[] {
    const folder = join(this.dataDir, 'logs')
    if (!existsSync(folder)) return []
    return readdirSync(folder).map((name) => ({ name, lines: readFileSync(join(folder, name), 'utf8').split('\n') }))
  }
}

const CLAIMS = join(tmpdir(), 'maksdb-test-ports')

/**
 * Two free ports in a row, below the range from which the kernel gives ports to all other processes. A port that is free now
 * is taken only some seconds later: until this process ends, other test files on this machine leave the pair alone.
 */
async function freePair(): Promise<number> {
  for (;;) {
    const port = 20_000 + 2 * Math.floor(Math.random() * 5000)
    if (claimed(port) && (await portIsFree(port, '127.0.0.1')) && (await portIsFree(port + 1, '127.0.0.1'))) return port
  }
}

/** Claims a pair of ports, or the choice of one, for this process; false if it is claimed already. */
function claimed(what: number | 'start'): boolean {
  const claim = join(CLAIMS, String(what))
  mkdirSync(CLAIMS, { recursive: true })
  try {
    writeFileSync(claim, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  // The claim of an ended process is removed, for a later attempt.
  if (ownerHasEnded(claim)) rmSync(claim, { force: true })
  return false
}

function ownerHasEnded(claim: string): boolean {
  try {
    const pid = readFileSync(claim, 'utf8')
    return pid !== '' && !existsSync(`/proc/${pid}`)
  } catch (error) {
    // Given back meanwhile.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

export interface Topology {
  points: number
  gate: string
  regressed: string | null
  last_repair: RepairReport | null
  centroids: { version: number; cells_still_moving: number; source: string }
  redundant_storage: { bound: number; redundant_rows: number; average: number }
  cells: {
    cell: number
    health: string
    points: number
    redundant_rows: number
    primary: string | null
    head: number
    trimmed_below: number
    wal_bytes: number
    pods: {
      pod: string
      applied: string
      memory: {
        resident_bytes: number
        row_bytes: Record<string, number>
        heap_bytes: Record<'main' | 'index', { used: number; total: number }>
        used_bytes?: number
        full?: boolean
      } | null
      newest_snapshot: string | null
    }[]
  }[]
}

export function kill(process_: { pid: number }, signal: NodeJS.Signals = 'SIGKILL'): void {
  process.kill(process_.pid, signal)
}
