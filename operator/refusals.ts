/** Pods that Kubernetes refuses to make, for a quota or an admission rule: only the events of their set say why. */
import type { Trouble } from './conditions.ts'
import type { KubeClient } from './kube/kube-client.ts'
import type { KubeObject } from './kube/objects.ts'
import type { Observed } from './observe.ts'
import { LABELS } from './resources.ts'

interface SetStatus {
  replicas?: number
}

/** Reads events only where pods are missing. */
export async function refusalsOf(client: KubeClient, observed: Observed, signal: AbortSignal): Promise<Trouble[]> {
  const short = [...observed.sets.values()].find((set) => {
    const has = ((set.status ?? {}) as SetStatus).replicas ?? 0
    return (
      observed.pods.filter((pod) => ownedBy(pod, set)).length < Number(set.spec?.replicas ?? 0) &&
      has < Number(set.spec?.replicas ?? 0)
    )
  })
  const namespace = observed.object.metadata.namespace ?? ''
  if (!short) return []
  const { items } = await client.call<{ items: { message?: string; lastTimestamp?: string }[] }>(
    'GET',
    `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`,
    {
      query: { fieldSelector: `involvedObject.uid=${short.metadata.uid},reason=FailedCreate`, limit: '50' },
      signal,
    },
  )
  const last = items.sort((a, b) => ((a.lastTimestamp ?? '') < (b.lastTimestamp ?? '') ? 1 : -1))[0]
  return last?.message === undefined
    ? []
    : [{ reason: 'PodsRefused', message: `${short.metadata.name}: ${last.message}` }]
}

function ownedBy(pod: KubeObject, set: KubeObject): boolean {
  const { component, cell } = { component: LABELS.component, cell: LABELS.cell }
  return (
    pod.metadata.labels?.[component] === set.metadata.labels?.[component] &&
    pod.metadata.labels?.[cell] === set.metadata.labels?.[cell]
  )
}
