/** Pods that Kubernetes refuses to make, for a quota or an admission rule: only the events of their set say why. */

import type { KubeClient } from '../kube/kube-client.ts'
import { isRefusal } from '../kube/kube-error.ts'
import type { KubeObject } from '../kube/objects.ts'
import type { Problem } from '../problem.ts'
import { LABELS } from '../resources.ts'
import { type Observed } from './observe.ts'

/** Events are many, and the API server searches them all: an answer is good for so long. */
const GOOD_FOR_MS = 10_000

interface SetStatus {
  replicas?: number
  observedGeneration?: number
}

export class FailedCreates {
  readonly #client: KubeClient
  readonly #known = new Map<string, { at: number; problems: Problem[] }>()

  constructor(client: KubeClient) {
    this.#client = client
  }

  /** Reads events only where the controller of a set has seen it and pods are missing. */
  async of(key: string, observed: Observed, signal: AbortSignal): Promise<Problem[]> {
    const short = [...observed.sets.values()].find((set) => isShort(set, observed.pods))
    if (!short) {
      this.#known.delete(key)
      return []
    }
    const known = this.#known.get(key)
    if (known && performance.now() - known.at < GOOD_FOR_MS) return known.problems
    const problems = await this.#read(short, signal)
    this.#known.set(key, { at: performance.now(), problems })
    return problems
  }

  forget(key: string): void {
    this.#known.delete(key)
  }

  async #read({ metadata }: KubeObject, signal: AbortSignal): Promise<Problem[]> {
    const path = `/api/v1/namespaces/${encodeURIComponent(metadata.namespace ?? '')}/events`
    const fieldSelector = `involvedObject.uid=${metadata.uid},reason=FailedCreate`
    const { items } = await this.#client
      .call<{ items: { message?: string; lastTimestamp?: string }[] }>('GET', path, {
        query: { fieldSelector, limit: '50' },
        signal,
      })
      .catch((error: unknown) => {
        // Without the right to read events, the pass reports the other problems.
        if (!isRefusal(error)) throw error
        return { items: [] }
      })
    const last = items.sort((a, b) => ((a.lastTimestamp ?? '') < (b.lastTimestamp ?? '') ? 1 : -1))[0]
    return last?.message === undefined ? [] : [{ reason: 'PodsRefused', message: `${metadata.name}: ${last.message}` }]
  }
}

function isShort(set: KubeObject, pods: readonly KubeObject[]): boolean {
  const status = (set.status ?? {}) as SetStatus
  const wanted = Number(set.spec?.replicas ?? 0)
  if (status.observedGeneration === undefined || (status.replicas ?? 0) >= wanted) return false
  return pods.filter((pod) => sameSet(pod, set)).length < wanted
}

function sameSet(pod: KubeObject, set: KubeObject): boolean {
  return [LABELS.component, LABELS.cell].every((label) => pod.metadata.labels?.[label] === set.metadata.labels?.[label])
}
