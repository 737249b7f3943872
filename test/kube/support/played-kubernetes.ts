/**
 * What the controllers and the kubelet would do, played on an API server that has none: pods and claims of StatefulSets,
 * and their status. Pods become ready only where the test says so.
 */
import { createHash } from 'node:crypto'
import type { KubeClient } from '../../../operator/kube/kube-client.ts'
import { type KubeObject, type OwnerReference, pathOf } from '../../../operator/kube/objects.ts'
import { OWNED, OWNED_SELECTOR, PODS, VOLUME_CLAIMS } from '../../../operator/resources.ts'
import { isOwnedBy } from '../../../operator/watch/ownership.ts'

interface SetSpec {
  replicas: number
  template: { metadata: { labels: Record<string, string>; annotations: Record<string, string> } }
  volumeClaimTemplates: { metadata: { labels: Record<string, string> }; spec: Record<string, unknown> }[]
}

function madeBy({ apiVersion, kind, metadata }: KubeObject): OwnerReference[] {
  return [{ apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '', controller: true }]
}

export class PlayedKubernetes {
  readonly #client: KubeClient
  readonly #namespace: string
  ready: boolean
  /** Whether pods are made as the template says; else without what the operator knows them by, as a webhook may do it. */
  pristine = true

  constructor(client: KubeClient, namespace: string, ready = true) {
    this.#client = client
    this.#namespace = namespace
    this.ready = ready
  }

  /** One round over everything; true where something was done. */
  async play(): Promise<boolean> {
    const at = { namespace: this.#namespace, labelSelector: OWNED_SELECTOR }
    const [sets, pods, claims, routers] = await Promise.all([
      this.#client.list(OWNED.StatefulSet, at),
      this.#client.list(PODS, at),
      this.#client.list(VOLUME_CLAIMS, at),
      this.#client.list(OWNED.Deployment, at),
    ])
    const has = new Set(claims.items.map(({ metadata }) => metadata.name))
    const podNamed = new Map(pods.items.map((pod) => [pod.metadata.name, pod]))
    let done = false
    for (const set of sets.items) {
      if (set.metadata.deletionTimestamp !== undefined) {
        // The garbage collector has let go of its pods.
        await this.#client.mergePatch(OWNED.StatefulSet, set.metadata, { metadata: { finalizers: null } })
        done = true
        continue
      }
      const spec = set.spec as unknown as SetSpec
      done = (await this.#setSeen(set, spec)) || done
      for (let ordinal = 0; ordinal < spec.replicas; ordinal++) {
        const name = `${set.metadata.name}-${ordinal}`
        if (!has.has(`data-${name}`)) await this.#claim(spec, `data-${name}`)
        const pod = podNamed.get(name)
        if (pod && isOwnedBy(pod, set.metadata.uid)) continue
        if (pod) await this.#client.mergePatch(PODS, pod.metadata, { metadata: { ownerReferences: madeBy(set) } })
        else await this.#pod(set, spec, name)
        done = true
      }
    }
    for (const router of routers.items) done = (await this.#routerReady(router)) || done
    return done
  }

  async #setSeen(set: KubeObject, { template }: SetSpec): Promise<boolean> {
    const observedGeneration = set.metadata.generation
    const status = (set.status ?? {}) as { observedGeneration?: number }
    if (status.observedGeneration === observedGeneration) return false
    await this.#client.call('PATCH', pathOf(OWNED.StatefulSet, set.metadata, 'status'), {
      body: { status: { observedGeneration, updateRevision: revisionOf(set, template), replicas: 0 } },
      contentType: 'application/merge-patch+json',
    })
    return true
  }

  async #claim({ volumeClaimTemplates }: SetSpec, name: string): Promise<void> {
    const [template] = volumeClaimTemplates
    if (!template) return
    const { apiVersion, kind } = VOLUME_CLAIMS
    const metadata = { name, namespace: this.#namespace, labels: template.metadata.labels }
    await this.#client.create(VOLUME_CLAIMS, { apiVersion, kind, metadata, spec: template.spec })
    const status = { phase: 'Bound', capacity: (template.spec.resources as { requests: object }).requests }
    await this.#client.call('PATCH', pathOf(VOLUME_CLAIMS, metadata, 'status'), {
      body: { status },
      contentType: 'application/merge-patch+json',
    })
  }

  async #pod(set: KubeObject, { template }: SetSpec, name: string): Promise<void> {
    const revision = { 'controller-revision-hash': revisionOf(set, template) }
    const labels = { ...template.metadata.labels, ...(this.pristine ? revision : {}) }
    const annotations = this.pristine ? template.metadata.annotations : {}
    const metadata = { name, namespace: this.#namespace, labels, annotations, ownerReferences: madeBy(set) }
    // It is never scheduled, so that deleting it is the end of it.
    const spec = { containers: [{ name: 'played', image: 'played' }], nodeName: undefined, schedulerName: 'nobody' }
    await this.#client.create(PODS, { apiVersion: 'v1', kind: 'Pod', metadata, spec })
    const conditions = [{ type: 'Ready', status: this.ready || set.metadata.name.endsWith('redis') ? 'True' : 'False' }]
    await this.#client.call('PATCH', pathOf(PODS, metadata, 'status'), {
      body: { status: { phase: 'Running', conditions } },
      contentType: 'application/merge-patch+json',
    })
  }

  async #routerReady(router: KubeObject): Promise<boolean> {
    const replicas = Number(router.spec?.replicas)
    const { readyReplicas } = (router.status ?? {}) as { readyReplicas?: number }
    if (readyReplicas === replicas) return false
    await this.#client.call('PATCH', pathOf(OWNED.Deployment, router.metadata, 'status'), {
      body: { status: { replicas, readyReplicas: replicas, availableReplicas: replicas, updatedReplicas: replicas } },
      contentType: 'application/merge-patch+json',
    })
    return true
  }
}

function revisionOf({ metadata }: KubeObject, template: unknown): string {
  return `${metadata.name}-${createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10)}`
}
