/** What the objects of pods and endpoints say, without the log. Pure. */
import { parseLastWords } from '../../protocol/env/last-words.ts'
import type { KubeObject } from '../kube/objects.ts'
import { LABELS } from '../resources.ts'
import { isOwnedBy } from './ownership.ts'

interface Termination {
  message?: string
  reason?: string
  exitCode?: number
}

interface ContainerStatus {
  name?: string
  restartCount?: number
  started?: boolean
  state?: { running?: object; terminated?: Termination; waiting?: { reason?: string; message?: string } }
  lastState?: { terminated?: Termination }
}

export interface PodStatus {
  phase?: string
  podIP?: string
  conditions?: { type: string; status: string; reason?: string; message?: string; lastTransitionTime?: string }[]
  initContainerStatuses?: ContainerStatus[]
  containerStatuses?: ContainerStatus[]
}

export function statusOfPod(pod: KubeObject): PodStatus {
  return pod.status ?? {}
}

export function isReady(pod: KubeObject): boolean {
  return statusOfPod(pod).conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false
}

/** So long a process may need to be ready again, after Redis has restarted or its log was repaired. */
const RECOVERY_MS = 60_000

/** Every container runs and has started, and the pod was ready moments ago or is as young. */
export function isRecovering(pod: KubeObject, now: number): boolean {
  const { conditions = [], containerStatuses = [] } = statusOfPod(pod)
  const ready = conditions.find(({ type }) => type === 'Ready')
  const runs =
    containerStatuses.length > 0 && containerStatuses.every(({ started, state }) => started && state?.running)
  return ready?.status === 'False' && runs && now - Date.parse(ready.lastTransitionTime ?? '') < RECOVERY_MS
}

export function ordinalOf(pod: KubeObject): number {
  return Number(/-(\d+)$/.exec(pod.metadata.name)?.[1] ?? 0)
}

export function cellOf(object: KubeObject): number | undefined {
  const cell = object.metadata.labels?.[LABELS.cell]
  return cell === undefined ? undefined : Number(cell)
}

export function podsOf(pods: readonly KubeObject[], component: string, cell?: number): KubeObject[] {
  return pods
    .filter(
      (pod) => pod.metadata.labels?.[LABELS.component] === component && (cell === undefined || cellOf(pod) === cell),
    )
    .sort((a, b) => ordinalOf(a) - ordinalOf(b))
}

interface Endpoint {
  conditions?: { ready?: boolean }
}

/** A Service that has no ready endpoint refuses every connection, however many routers are ready. */
export function hasReadyEndpoint(service: KubeObject | undefined, slices: readonly KubeObject[]): boolean {
  if (!service) return false
  return slices
    .filter((slice) => isOwnedBy(slice, service.metadata.uid))
    .flatMap(({ endpoints }) => (endpoints ?? []) as Endpoint[])
    .some(({ conditions }) => conditions?.ready !== false)
}

/** Name that a pod has in the log. */
export function logName(cell: number, ordinal: number): string {
  return `${cell}/${ordinal}`
}

/** Processes that the kubelet says have ended: where they led, their lease may be given on at once. */
export function endedProcesses(pods: readonly KubeObject[]): { cell: number; ordinal: number; startId: string }[] {
  return podsOf(pods, 'shard').flatMap((pod) => {
    const cell = cellOf(pod)
    const [container] = statusOfPod(pod).containerStatuses ?? []
    const ended = container?.state?.terminated ?? container?.lastState?.terminated
    const { startId } = parseLastWords(ended?.message ?? '')
    return cell === undefined || !/^[0-9a-f]{6,}$/.test(startId) ? [] : [{ cell, ordinal: ordinalOf(pod), startId }]
  })
}

/** A pod that is so young may still wait for its volume or its image without anything being wrong. */
const YOUNG_MS = 15_000

/** Why a pod does not run, in one sentence; undefined where it does. */
export function problemOf(pod: KubeObject, now: number): string | undefined {
  if (now - Date.parse(pod.metadata.creationTimestamp ?? '') < YOUNG_MS) return undefined
  const { conditions = [], containerStatuses = [], initContainerStatuses = [] } = statusOfPod(pod)
  const unscheduled = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')
  if (unscheduled?.message) return `pod ${pod.metadata.name} cannot be scheduled: ${unscheduled.message}`
  const harmless = new Set(['ContainerCreating', 'PodInitializing'])
  const stuck = [...initContainerStatuses, ...containerStatuses].find(
    ({ state }) => state?.waiting?.reason !== undefined && !harmless.has(state.waiting.reason),
  )
  return stuck && `pod ${pod.metadata.name} does not start: ${whyStuck(stuck)}`
}

/** How it ended last says more than that the kubelet waits before it tries again. */
function whyStuck({ name, restartCount = 0, state, lastState }: ContainerStatus): string {
  const { reason = '', message } = state?.waiting ?? {}
  const ended = lastState?.terminated
  if (ended?.reason === 'OOMKilled')
    return `OOMKilled: container ${name} used more memory than its limit and was killed (${restartCount} restarts); raise its resources.limits.memory`
  const last =
    ended && `the last run of container ${name} ended with ${ended.reason ?? 'Error'}, exit code ${ended.exitCode}`
  return [reason, message, last].filter((part) => part !== undefined && part !== '').join(': ')
}
