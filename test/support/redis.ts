/** A real redis-server of a test's own, on a free port, in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep } from '../../runtime/lifecycle.ts'
import { until } from '../../runtime/until.ts'
import { connect, type Redis } from '../../store/connection.ts'
import { freePort } from '../../supervisor/os-process.ts'

const HEAL_TRIES = 20
const HEAL_PAUSE_MS = 500

/** The file that commands are appended to now, of the Redis that keeps its files in a folder. */
export function appendOnlyFile(folder: string): string {
  const files = join(folder, 'appendonlydir')
  const newest = readdirSync(files)
    .filter((name) => name.endsWith('.incr.aof'))
    .sort((a, b) => Number(a.split('.')[2]) - Number(b.split('.')[2]))
    .at(-1)
  if (newest === undefined) throw new Error('Redis has no append-only file')
  return join(files, newest)
}

export class TestRedis {
  readonly folder = mkdtempSync(join(tmpdir(), 'maksdb-redis-'))
  readonly port: number
  #child: ChildProcess | undefined
  #turn: Promise<unknown> = Promise.resolve()
  client!: Redis

  private constructor(port: number) {
    this.port = port
  }

  static async start(): Promise<TestRedis> {
    const redis = new TestRedis(await freePort('127.0.0.1'))
    await redis.launch()
    return redis
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error('Redis does not run')
    return this.#child.pid
  }

  async launch(): Promise<void> {
    const args = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
      '--repl-diskless-sync-delay',
      '0',
      '--dir',
      this.folder,
    ]
    this.#child = spawn('redis-server', args, { stdio: 'ignore' })
    for (let tries = 0; ; tries++) {
      try {
        this.client = await connect(this.url)
        return
      } catch (error) {
        if (tries > 100) throw error
        await sleep(50)
      }
    }
  }

  async kill(): Promise<void> {
    const child = this.#child
    this.client.disconnect()
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }

  /** Another server with what this one holds at one instant of now. */
  async fork(): Promise<TestRedis> {
    const other = await TestRedis.start()
    await other.become(this)
    return other
  }

  /** Takes over all that another server holds, and goes on from there: the end of a failover. */
  async become(other: TestRedis): Promise<void> {
    try {
      await this.follow(other.port)
    } finally {
      await this.insist((client) => client.replicaof('NO', 'ONE'))
    }
  }

  /** Becomes the replica of what listens there; returns when it holds the same. */
  async follow(port: number): Promise<void> {
    await this.client.replicaof('127.0.0.1', port)
    await until(
      'the replica to follow',
      async () => /master_link_status:up/.test(await this.client.info('replication')) || undefined,
    )
  }

  /** What heals a fault must be done, however busy the machine is and whatever became of a connection. */
  async insist(heal: (client: Redis) => Promise<unknown>): Promise<void> {
    for (let left = HEAL_TRIES; ; left--) {
      try {
        const client = await connect(this.url)
        await heal(client).finally(() => client.disconnect())
        return
      } catch (error) {
        if (left === 0) throw error
        await sleep(HEAL_PAUSE_MS)
      }
    }
  }

  appendOnlyFile(): string {
    return appendOnlyFile(this.folder)
  }

  restart(): Promise<void> {
    return this.alone(async () => {
      await this.kill()
      await this.launch()
    })
  }

  /** Two faults at a time may both want to end the server and start it again: one after the other. */
  alone(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => undefined)
    return turn
  }

  async close(): Promise<void> {
    await this.kill()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
