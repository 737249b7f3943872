/** A local cluster of a test's own: the real command line, real processes, a folder that goes away at the end. */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MaksDB } from '@maksdb/client'
import { stringify } from 'yaml'
import { localStatus, type ProcessStatus } from '../../cli/status.ts'
import { DataDir } from '../../cli/supervisor/data-dir.ts'
import { portIsFree } from '../../cli/supervisor/os-process.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import type { RepairReport } from '../../shard-server/repairer.ts'
import { connect, type Redis } from '../../store/connection.ts'

export const cli = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

export interface Run {
  code: number
  stdout: string
  stderr: string
}

export function runCli(
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string>; input?: string } = {},
): Promise<Run> {
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
    return waitFor(
      async () => (await this.processes()).find(({ cluster, role }) => cluster === cell && role === 'primary'),
      `a primary of cell ${cell}`,
    )
  }

  /** Kills processes, all where not said otherwise, and returns when they are dead: a dying Redis may still write. */
  async killAll(which: (one: ProcessStatus) => boolean = () => true): Promise<void> {
    const victims = (await this.processes()).filter(which)
    for (const victim of victims) kill(victim)
    await waitFor(
      async () => (await this.processes()).every(({ pid }) => victims.every((one) => one.pid !== pid)) || undefined,
      'the victims to be dead',
    )
  }

  /** What Redis keeps on its volume. */
  get redisFiles(): string {
    return join(this.dataDir, 'clusters', this.name, 'redis')
  }

  /** The loss of part of the log was noticed and made good. */
  repaired(): Promise<RepairReport> {
    return waitFor(
      async () => (await this.topology().catch(() => undefined))?.last_repair ?? undefined,
      'the log to be repaired',
      60_000,
    )
  }

  /** Writes points, again and again where they are refused, until they are taken. */
  async writable(points: readonly unknown[]): Promise<void> {
    await waitFor(
      async () =>
        (await this.fetch('PUT', `/collections/${this.name}/points?timeout=5`, { points })).status === 200 || undefined,
      'writes to be taken again',
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
    return waitFor(
      async () => {
        const topology = await this.topology()
        const { version, cells_still_moving } = topology.centroids
        return version > 0 && cells_still_moving === 0 ? topology : undefined
      },
      'all rows to be in their cells',
      90_000,
    )
  }

  allReady(): Promise<boolean> {
    return waitFor(
      async () => (await fetch(`${this.url}/readyz`).catch(() => undefined))?.ok || undefined,
      'the cluster to be ready',
      60_000,
    )
  }

  /** Every shard process runs and follows its log. */
  allFollow(): Promise<boolean> {
    return waitFor(
      async () => {
        const shards = (await this.processes()).filter(({ kind }) => kind === 'shard')
        return (shards.length > 0 && shards.every(({ ready }) => ready)) || undefined
      },
      'all shards to follow the log',
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

/** A sample of a process, the first of its name; 0 where there is none. */
export async function metricOf({ adminPort }: Pick<ProcessStatus, 'adminPort'>, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
  return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1] ?? 0)
}

/** Two free ports in a row, below the range from which the kernel gives ports to everybody else. */
async function freePair(): Promise<number> {
  for (;;) {
    const port = 20_000 + 2 * Math.floor(Math.random() * 5000)
    if ((await portIsFree(port, '127.0.0.1')) && (await portIsFree(port + 1, '127.0.0.1'))) return port
  }
}

export interface Topology {
  points: number
  gate: string
  regressed: string | null
  last_repair: RepairReport | null
  centroids: { version: number; cells_still_moving: number; source: string }
  redundant_storage: { bound: number; copies: number; average: number }
  cells: {
    cell: number
    health: string
    points: number
    copies: number
    primary: string | null
    head: number
    trimmed_below: number
    wal_bytes: number
    pods: { pod: string; applied: string }[]
  }[]
}

export async function waitFor<T>(check: () => Promise<T | undefined>, what: string, timeoutMs = 30_000): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const value = await check()
    if (value !== undefined) return value
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms for ${what}`)
    await sleep(50)
  }
}

export function kill(process_: { pid: number }, signal: NodeJS.Signals = 'SIGKILL'): void {
  process.kill(process_.pid, signal)
}
