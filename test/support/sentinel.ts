/**
 * A Redis with a replica and a real Sentinel that fails over to it, behind one address that always leads to the master, as
 * the Service of a Redis operator does.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../runtime/until.ts'
import { connect, type Redis } from '../../store/connection.ts'
import { freePort } from '../../supervisor/os-process.ts'
import { FaultProxy } from './fault-proxy.ts'
import { TestRedis } from './redis.ts'

const MASTER = 'maksdb'
const DOWN_AFTER_MS = 500
const FAILOVER_TIMEOUT_MS = 5000

export class SentinelRedis {
  readonly #servers: [TestRedis, TestRedis]
  /** Before the first master: Sentinel and replica come to it this way. */
  readonly #link: FaultProxy
  /** Before whoever is the master. */
  readonly #service: FaultProxy
  readonly #sentinel: ChildProcess
  readonly #client: Redis

  private constructor(
    servers: [TestRedis, TestRedis],
    link: FaultProxy,
    service: FaultProxy,
    sentinel: ChildProcess,
    client: Redis,
  ) {
    this.#servers = servers
    this.#link = link
    this.#service = service
    this.#sentinel = sentinel
    this.#client = client
  }

  static async start(): Promise<SentinelRedis> {
    const [master, replica] = [await TestRedis.start(), await TestRedis.start()]
    const link = await FaultProxy.start(master.port)
    await replica.follow(link.port)
    const port = await freePort('127.0.0.1')
    const settings = join(master.folder, 'sentinel.conf')
    writeFileSync(
      settings,
      [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${master.folder}`,
        `sentinel monitor ${MASTER} 127.0.0.1 ${link.port} 1`,
        `sentinel down-after-milliseconds ${MASTER} ${DOWN_AFTER_MS}`,
        `sentinel failover-timeout ${MASTER} ${FAILOVER_TIMEOUT_MS}`,
        '',
      ].join('\n'),
    )
    const sentinel = spawn('redis-server', [settings, '--sentinel'], { stdio: 'ignore' })
    const client = await until('the Sentinel', () => connect(`redis://127.0.0.1:${port}`).catch(() => undefined))
    await until(
      'the Sentinel to know the replica',
      async () => ((await client.call('SENTINEL', 'REPLICAS', MASTER)) as unknown[]).length > 0 || undefined,
    )
    return new SentinelRedis([master, replica], link, await FaultProxy.start(master.port), sentinel, client)
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#service.port}`
  }

  /** The replica hears nothing any more of what the master executes, and its connection stays open. */
  cutReplication(): void {
    this.#link.disturb({ hold: 'both' }, this.#servers[1].pid)
  }

  /** The master dies; returns when the Sentinel has made the replica the master and the address leads there. */
  async failOver(): Promise<void> {
    const [master, replica] = this.#servers
    await master.kill()
    this.#link.close()
    await until(
      'the Sentinel to fail over',
      async () => {
        const [, port] = (await this.#client.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER)) as string[]
        return Number(port) === replica.port || undefined
      },
      30_000,
    )
    this.#service.leadTo(replica.port)
  }

  async close(): Promise<void> {
    this.#client.disconnect()
    this.#sentinel.kill('SIGKILL')
    await once(this.#sentinel, 'exit')
    this.#link.close()
    this.#service.close()
    for (const server of this.#servers) await server.close()
  }
}
