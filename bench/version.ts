/** A version of MaksDB under test: this checkout, or another commit in a checkout of its own, as a local cluster. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MaksDB } from '../client/src/index.ts'
import { API_VERSION, KIND } from '../protocol/manifest/vector-cluster.ts'

/** Clock ticks a second, in which Linux counts the time of a process. */
const TICKS = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100

export interface Process {
  name: string
  kind: string
  pid: number
  adminPort: number
}

export class Version {
  readonly name: string
  readonly #folder = mkdtempSync(join(tmpdir(), 'maksdb-version-'))
  readonly #checkout: string
  readonly #own: boolean
  readonly port: number

  /** @param ref a commit of this repository; undefined for the checkout as it is */
  constructor(ref: string | undefined, port: number) {
    this.name = ref ?? 'this version'
    this.port = port
    this.#own = ref !== undefined
    this.#checkout = ref === undefined ? join(import.meta.dirname, '..') : join(this.#folder, 'checkout')
    if (ref === undefined) return
    this.#run('git', ['worktree', 'add', '--detach', this.#checkout, ref], join(import.meta.dirname, '..'))
    // It sets up what is missing, and finds nothing to stop.
    this.#run('node', ['setup/run.mjs', 'stop', '--data-dir', join(this.#folder, 'none')], this.#checkout)
  }

  get dataDir(): string {
    return join(this.#folder, 'data')
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get client(): MaksDB {
    return new MaksDB({ url: this.url })
  }

  /**
   * Starts a collection, or starts it again after `stop`.
   * @param env of its processes, beside that of this one
   */
  start(name: string, spec: object, env: Record<string, string> = {}): void {
    const manifest = join(this.#folder, 'manifest.json')
    writeFileSync(manifest, JSON.stringify({ apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec }))
    this.#maksdb(['start', '-f', manifest, '--port', String(this.port)], env)
  }

  stop(): void {
    this.#maksdb(['stop'])
  }

  close(): void {
    this.#maksdb(['stop', '--purge'])
    if (this.#own) this.#run('git', ['worktree', 'remove', '--force', this.#checkout], join(import.meta.dirname, '..'))
    rmSync(this.#folder, { recursive: true, force: true })
  }

  processes(): Process[] {
    const { processes } = JSON.parse(this.#maksdb(['status', '--json'])) as { processes: Process[] }
    return processes.filter(({ kind }) => kind !== 'supervisor')
  }

  #maksdb([command, ...args]: [string, ...string[]], env: Record<string, string> = {}): string {
    const all = ['bin/maksdb.mjs', command, '--data-dir', this.dataDir, ...args]
    return this.#run('node', all, this.#checkout, env)
  }

  #run(command: string, args: readonly string[], cwd: string, more: Record<string, string> = {}): string {
    const env = { ...process.env, ...more }
    const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8', maxBuffer: 1e8 })
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`)
    return stdout
  }
}

/** CPU seconds that a process has used, of all its threads. */
function cpuSeconds(pid: number): number {
  // Behind the name, which may hold spaces: state is field 3, and utime and stime are fields 14 and 15.
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /s, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS
}

export function cpuSecondsOf(processes: readonly Process[]): number {
  return processes.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0)
}

/** Memory of a process that is in RAM, in MiB. */
export function residentMiB(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024
}
