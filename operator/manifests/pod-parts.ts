/** What all pods share: restricted security, probes on the admin port, how they spread. */
import type { JsonObject } from '../kube/objects.ts'
import { type BuildContext, type Component, selectorOf } from './context.ts'
import { PORTS } from './names.ts'

const USER = 10_001

/** What the restricted profile of Kubernetes' pod security standards asks of a pod. */
const RESTRICTED = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }
/** Ids where the manifest is silent. A platform that gives ids of its own refuses any other, so a manifest can name none. */
const OWN_IDS = { runAsUser: USER, runAsGroup: USER, fsGroup: USER, fsGroupChangePolicy: 'OnRootMismatch' }

export function podSecurity(context: BuildContext): JsonObject {
  return { ...RESTRICTED, ...(context.cluster.spec.podSecurityContext ?? OWN_IDS) }
}

export function containerSecurity(context: BuildContext): JsonObject {
  return {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
    ...context.cluster.spec.containerSecurityContext,
  }
}

/** Longer than the 25 s in which a program ends itself. */
export const GRACE_SECONDS = 40

export function adminProbes(): JsonObject {
  const probe = (path: string) => ({ httpGet: { path, port: 'metrics' } })
  return {
    startupProbe: { ...probe('/livez'), periodSeconds: 1, failureThreshold: 120 },
    readinessProbe: { ...probe('/readyz'), periodSeconds: 1, failureThreshold: 3, timeoutSeconds: 3 },
    livenessProbe: { ...probe('/livez'), periodSeconds: 10, failureThreshold: 6, timeoutSeconds: 5 },
  }
}

export const ADMIN_PORT = { name: 'metrics', containerPort: PORTS.admin, protocol: 'TCP' }

/** For a Prometheus that finds pods by annotations. */
export const SCRAPE = {
  'prometheus.io/scrape': 'true',
  'prometheus.io/port': String(PORTS.admin),
  'prometheus.io/path': '/metrics',
}

export function envList(values: Record<string, string>): JsonObject[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }))
}

export function fieldEnv(name: string, fieldPath: string): JsonObject {
  return { name, valueFrom: { fieldRef: { fieldPath } } }
}

export function secretEnv(name: string, secret: string, key: string, optional = false): JsonObject {
  return { name, valueFrom: { secretKeyRef: { name: secret, key, ...(optional ? { optional } : {}) } } }
}

/** Fields of a pod that say where it runs; the manifest's own word wins over evenly over hosts and zones. */
export function placement(context: BuildContext, component: Component, cell?: number): JsonObject {
  const { spec, metadata } = context.cluster
  const labelSelector = { matchLabels: selectorOf(metadata.name, component, cell) }
  const spread = (topologyKey: string) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: 'ScheduleAnyway',
    labelSelector,
  })
  return {
    ...(spec.nodeSelector ? { nodeSelector: spec.nodeSelector } : {}),
    ...(spec.tolerations ? { tolerations: spec.tolerations } : {}),
    ...(spec.imagePullSecrets ? { imagePullSecrets: spec.imagePullSecrets } : {}),
    ...(spec.affinity && component === 'shard' ? { affinity: spec.affinity } : {}),
    topologySpreadConstraints:
      component === 'shard' && spec.topologySpreadConstraints
        ? spec.topologySpreadConstraints
        : [spread('kubernetes.io/hostname'), spread('topology.kubernetes.io/zone')],
  }
}

/** The parts of `placement`, and the security contexts, that a running pod cannot change, for its inputs. */
export function placementInputs(context: BuildContext, component: Component): unknown {
  const { nodeSelector, tolerations, imagePullSecrets, affinity, topologySpreadConstraints } = context.cluster.spec
  const { podSecurityContext, containerSecurityContext } = context.cluster.spec
  const shard = component === 'shard' ? { affinity, topologySpreadConstraints } : {}
  return { nodeSelector, tolerations, imagePullSecrets, podSecurityContext, containerSecurityContext, ...shard }
}
