/** An operator in this process, on an API server without controllers, for as long as it takes to have nothing to do. */
import type { KubeObject } from '../../../operator/kube/objects.ts'
import { VECTOR_CLUSTERS } from '../../../operator/resources.ts'
import type { ApiServer } from './api-server.ts'
import { TestOperator } from './test-operator.ts'

/** Passes in a row that change nothing, after which an operator counts as done, if it has seen all that there is. */
const STEADY_PASSES = 4

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
  steadyPasses?: number
}

/** Passes over one VectorCluster until neither they, nor what Kubernetes does after them, change anything. */
export async function operateUntilSteady(server: ApiServer, at: string, key: string, options: OperateOptions = {}) {
  const { dieAt = Number.POSITIVE_INFINITY, when = 'before', steadyPasses = STEADY_PASSES } = options
  let answers = 0
  const life = { dead: false }
  const die = () => {
    life.dead = true
    throw new Error('killed')
  }
  const operator = await TestOperator.start(server, at, key, {
    beforeWrite: () => {
      if (life.dead) die()
    },
    onWrite: (method, path, count) => {
      options.onWrite?.(method, path)
      if (when === 'before' && count === dieAt) die()
    },
    onAnswer: (method) => {
      // Writes go out together: what counts is whose answer comes as which.
      if (method !== 'GET' && ++answers === dieAt && when === 'after') die()
    },
  })
  for (let steady = 0; steady < steadyPasses && !life.dead; ) {
    const changed = await operator.pass((error) => {
      if (!life.dead) throw error
    })
    steady = changed ? 0 : steady + 1
    if (steady === steadyPasses && !(await operator.hasCaughtUp())) steady = 0
  }
  await operator.stop()
  const written = operator.writes
  return { writes: written.length, written, dead: life.dead, metrics: await TestOperator.metrics.registry.metrics() }
}
