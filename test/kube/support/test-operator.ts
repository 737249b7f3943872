/** An operator in the process of a test, one pass at a time, beside Kubernetes as it is played. */
import { pino } from 'pino'
import { EventRecorder } from '../../../operator/kube/event-recorder.ts'
import { KubeClient } from '../../../operator/kube/kube-client.ts'
import { Reconciler } from '../../../operator/reconciler.ts'
import { Caches } from '../../../operator/watch/caches.ts'
import { sleep } from '../../../runtime/lifecycle.ts'
import { Metrics } from '../../../runtime/metrics.ts'
import type { ApiServer } from './api-server.ts'
import { PlayedKubernetes } from './played-kubernetes.ts'

const logger = pino({ level: 'silent' })
const metrics = new Metrics('operator')
/** Watches of a busy machine lag. */
const ROUND_MS = 50

export class TestOperator {
  readonly #stop = new AbortController()
  readonly #client: KubeClient
  readonly #reconciler: Reconciler
  readonly #running: Promise<unknown>
  readonly #key: string
  readonly played: PlayedKubernetes
  /** Method and path of every call that changed something. */
  readonly writes: string[]

  private constructor(client: KubeClient, caches: Caches, key: string, played: PlayedKubernetes, writes: string[]) {
    this.#client = client
    this.#key = key
    this.played = played
    this.writes = writes
    const events = new EventRecorder(client, 'maksdb.io/operator', 'test', logger)
    const settings = { image: 'maksdb:test', imagePullPolicy: 'Never' }
    this.#reconciler = new Reconciler({ client, caches, events, settings, wake: () => {}, logger, metrics })
    this.#running = caches.run(this.#stop.signal)
  }

  static async start(server: ApiServer, at: string, name: string): Promise<TestOperator> {
    const writes: string[] = []
    const client = new KubeClient(server.client().connection, {
      onWrite: (method, path) => writes.push(`${method} ${path}`),
    })
    const caches = new Caches(client, [at], { onChange: () => {}, onRestart: () => {}, onMiss: () => {} })
    const played = new PlayedKubernetes(server.client(), at, false)
    const operator = new TestOperator(client, caches, `${at}/${name}`, played, writes)
    await caches.synced
    return operator
  }

  /** Passes, each followed by what Kubernetes does. */
  async passes(count: number): Promise<void> {
    for (let pass = 0; pass < count; pass++) {
      await this.#reconciler.reconcile(this.#key, this.#stop.signal)
      await this.played.play()
      await sleep(ROUND_MS)
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
    this.#reconciler.close()
    await this.#client.connection.close()
  }
}
