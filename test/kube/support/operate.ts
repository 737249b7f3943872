/** An operator in this process, on an API server without controllers, for as long as it takes to have nothing to do. */
import { pino } from 'pino'
import { EventRecorder } from '../../../operator/kube/event-recorder.ts'
import { KubeClient } from '../../../operator/kube/kube-client.ts'
import type { KubeObject } from '../../../operator/kube/objects.ts'
import { Reconciler } from '../../../operator/reconciler.ts'
import { VECTOR_CLUSTERS } from '../../../operator/resources.ts'
import { Caches } from '../../../operator/watch/caches.ts'
import { sleep } from '../../../runtime/lifecycle.ts'
import { Metrics } from '../../../runtime/metrics.ts'
import type { ApiServer } from './api-server.ts'
import { PlayedKubernetes } from './played-kubernetes.ts'

/** So long nothing must change before an operator counts as done: the watches of a busy machine lag. */
const CALM_ROUNDS = 8
const ROUND_MS = 50
const logger = pino({ level: 'silent' })
const metrics = new Metrics('operator')

export function manifest(at: string, name: string, spec: object): KubeObject {
  const { apiVersion, kind } = VECTOR_CLUSTERS
  return { apiVersion, kind, metadata: { name, namespace: at }, spec: { dimension: 2, ...spec } }
}

export interface OperateOptions {
  /** Dies at this write: before it is sent, or when its answer comes. */
  dieAt?: number
  when?: 'before' | 'after'
  /** Called before a write is sent. */
  onWrite?: (method: string, path: string) => void
  calmRounds?: number
}

/** Passes over one VectorCluster until neither they, nor what Kubernetes does after them, change anything. */
export async function operateUntilCalm(server: ApiServer, at: string, key: string, options: OperateOptions = {}) {
  const { dieAt = Number.POSITIVE_INFINITY, when = 'before', calmRounds = CALM_ROUNDS } = options
  const written: string[] = []
  let answers = 0
  const life = { dead: false }
  const die = () => {
    life.dead = true
    throw new Error('killed')
  }
  const client = server.client()
  const mortal = new KubeClient(server.client().connection, {
    onWrite: (method, path) => {
      if (life.dead) die()
      written.push(`${method} ${path}`)
      options.onWrite?.(method, path)
      if (when === 'before' && written.length === dieAt) die()
    },
    onAnswer: (method) => {
      // Writes go out together: what counts is whose answer comes as which.
      if (method !== 'GET' && ++answers === dieAt && when === 'after') die()
    },
  })
  const caches = new Caches(mortal, [at], { onChange: () => {}, onRestart: () => {}, onMiss: () => {} })
  const events = new EventRecorder(mortal, 'maksdb.io/operator', 'test', logger)
  const settings = { image: 'maksdb:test', imagePullPolicy: 'Never' }
  const reconciler = new Reconciler({ client: mortal, caches, events, settings, wake: () => {}, logger, metrics })
  const stop = new AbortController()
  const running = caches.run(stop.signal)
  await caches.synced
  const played = new PlayedKubernetes(client, at, false)
  // As often as it takes for a pass, and what Kubernetes does after it, to change nothing.
  for (let calm = 0; calm < calmRounds && !life.dead; ) {
    const before = written.length
    await reconciler.reconcile(key, stop.signal).catch((error: unknown) => {
      if (!life.dead) throw error
    })
    const moved = (await played.play()) || written.length !== before
    calm = moved ? 0 : calm + 1
    // What was written and played comes back by the watches.
    await sleep(ROUND_MS)
  }
  stop.abort()
  await running
  reconciler.close()
  await mortal.connection.close()
  await client.connection.close()
  return { writes: written.length, written, dead: life.dead, metrics: await metrics.registry.metrics() }
}
