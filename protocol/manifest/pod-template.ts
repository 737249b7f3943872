/**
 * Fields of pods that Kubernetes defines and the manifest hands on: by name, so that a field that Kubernetes does not know is
 * refused when the manifest is applied, not when the operator makes the StatefulSet. What is within probes, sources of
 * volumes and the like is left to the API server, whose refusal becomes a condition.
 */
import { z } from 'zod'
import { cel } from './cel.ts'

const LISTED_MAX = 16

/** Anything of this shape that Kubernetes knows. */
const anyObject = z.record(z.string(), z.unknown()).meta({ 'x-kubernetes-preserve-unknown-fields': true })
const strings = z.array(z.string())
const amounts = z.record(z.string(), z.union([z.int(), z.string()]).meta({ 'x-kubernetes-int-or-string': true }))

const requirement = z.strictObject({ key: z.string(), operator: z.string(), values: strings.optional() })
const labelSelector = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).optional(),
  matchExpressions: z.array(requirement).optional(),
})

const nodeTerm = z.strictObject({
  matchExpressions: z.array(requirement).optional(),
  matchFields: z.array(requirement).optional(),
})
const podTerm = z.strictObject({
  topologyKey: z.string(),
  labelSelector: labelSelector.optional(),
  namespaceSelector: labelSelector.optional(),
  namespaces: strings.optional(),
  matchLabelKeys: strings.optional(),
  mismatchLabelKeys: strings.optional(),
})
const podTerms = z.strictObject({
  requiredDuringSchedulingIgnoredDuringExecution: z.array(podTerm).optional(),
  preferredDuringSchedulingIgnoredDuringExecution: z
    .array(z.strictObject({ weight: z.int(), podAffinityTerm: podTerm }))
    .optional(),
})

export const affinity = z.strictObject({
  nodeAffinity: z
    .strictObject({
      requiredDuringSchedulingIgnoredDuringExecution: z
        .strictObject({ nodeSelectorTerms: z.array(nodeTerm) })
        .optional(),
      preferredDuringSchedulingIgnoredDuringExecution: z
        .array(z.strictObject({ weight: z.int(), preference: nodeTerm }))
        .optional(),
    })
    .optional(),
  podAffinity: podTerms.optional(),
  podAntiAffinity: podTerms.optional(),
})

export const spreadConstraint = z.strictObject({
  maxSkew: z.int(),
  topologyKey: z.string(),
  whenUnsatisfiable: z.string(),
  labelSelector: labelSelector.optional(),
  minDomains: z.int().optional(),
  nodeAffinityPolicy: z.string().optional(),
  nodeTaintsPolicy: z.string().optional(),
  matchLabelKeys: strings.optional(),
})

/** Lists of which Kubernetes wants the names to differ. */
const byName = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] }
const partName = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, 'must be a DNS label')

const container = z.strictObject({
  name: partName,
  image: z.string(),
  imagePullPolicy: z.string().optional(),
  command: strings.optional(),
  args: strings.optional(),
  workingDir: z.string().optional(),
  env: z
    .array(z.strictObject({ name: z.string(), value: z.string().optional(), valueFrom: anyObject.optional() }))
    .optional(),
  envFrom: z.array(anyObject).optional(),
  ports: z
    .array(
      z.strictObject({
        containerPort: z.int(),
        name: z.string().optional(),
        protocol: z.string().optional(),
        hostPort: z.int().optional(),
        hostIP: z.string().optional(),
      }),
    )
    .optional(),
  resources: z.strictObject({ requests: amounts.optional(), limits: amounts.optional() }).optional(),
  volumeMounts: z
    .array(
      z.strictObject({
        name: z.string(),
        mountPath: z.string(),
        subPath: z.string().optional(),
        subPathExpr: z.string().optional(),
        readOnly: z.boolean().optional(),
        recursiveReadOnly: z.string().optional(),
        mountPropagation: z.string().optional(),
      }),
    )
    .optional(),
  livenessProbe: anyObject.optional(),
  readinessProbe: anyObject.optional(),
  startupProbe: anyObject.optional(),
  lifecycle: anyObject.optional(),
  securityContext: anyObject.optional(),
  restartPolicy: z.string().optional(),
  terminationMessagePath: z.string().optional(),
  terminationMessagePolicy: z.string().optional(),
})

const SOURCES = {
  configMap: anyObject.optional(),
  secret: anyObject.optional(),
  emptyDir: anyObject.optional(),
  persistentVolumeClaim: anyObject.optional(),
  projected: anyObject.optional(),
  downwardAPI: anyObject.optional(),
  csi: anyObject.optional(),
  ephemeral: anyObject.optional(),
  hostPath: anyObject.optional(),
  nfs: anyObject.optional(),
  image: anyObject.optional(),
}

const volume = z.strictObject({ name: partName, ...SOURCES }).meta(
  cel({
    rule: `[${Object.keys(SOURCES)
      .map((source) => `has(self.${source})`)
      .join(', ')}].filter(one, one).size() == 1`,
    message: `a volume has exactly one of ${Object.keys(SOURCES).join(', ')}`,
  }),
)

/** Names in the pods of a shard that are the operator's own. */
export const OWN_CONTAINER = 'shard'
export const OWN_VOLUMES = ['data', 'tmp', 'config', 'internal', 'redis', 'centroids'] as const

const podSpec = z
  .strictObject({
    containers: z
      .array(container)
      .max(LISTED_MAX)
      .meta(byName)
      .optional()
      .describe('containers in addition to the shard container'),
    initContainers: z.array(container).max(LISTED_MAX).meta(byName).optional(),
    volumes: z.array(volume).max(LISTED_MAX).meta(byName).optional().describe('volumes of those containers'),
    serviceAccountName: z.string().optional(),
    priorityClassName: z.string().optional(),
    preemptionPolicy: z.string().optional(),
    runtimeClassName: z.string().optional(),
    schedulerName: z.string().optional(),
    shareProcessNamespace: z.boolean().optional(),
    hostAliases: z.array(z.strictObject({ ip: z.string(), hostnames: strings.optional() })).optional(),
    dnsPolicy: z.string().optional(),
    dnsConfig: z
      .strictObject({
        nameservers: strings.optional(),
        searches: strings.optional(),
        options: z.array(z.strictObject({ name: z.string(), value: z.string().optional() })).optional(),
      })
      .optional(),
    readinessGates: z.array(z.strictObject({ conditionType: z.string() })).optional(),
  })
  .meta(
    cel(
      {
        rule: `!has(self.containers) || !self.containers.exists(one, one.name == '${OWN_CONTAINER}')`,
        message: `podTemplate.spec.containers: the name ${OWN_CONTAINER} is the operator's`,
      },
      {
        rule: `!has(self.volumes) || !self.volumes.exists(one, one.name in ['${OWN_VOLUMES.join("', '")}'])`,
        message: `podTemplate.spec.volumes: the names ${OWN_VOLUMES.join(', ')} are the operator's`,
      },
    ),
  )

/** What Kubernetes takes as the value of a label. */
export const labelValue = z
  .string()
  .max(63)
  .regex(/^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/, 'must be the value of a label')

export const podTemplate = z.strictObject({
  metadata: z
    .strictObject({
      labels: z.record(z.string(), labelValue).meta({ maxProperties: 32 }).optional(),
      annotations: z.record(z.string(), z.string().max(4096)).meta({ maxProperties: 32 }).optional(),
    })
    .optional(),
  spec: podSpec.optional(),
})
