/** The StatefulSet of one k-means cluster. */
import { ANY_ADDRESS } from '../../core/address.ts'
import { startConfigOf } from '../../protocol/env/config.ts'
import { memoryEnv, NATIVE_ENV } from '../../protocol/env/process-env.ts'
import { quantityText, sizeBytes } from '../../protocol/manifest/quantity.ts'
import type { JsonObject, KubeObject } from '../kube/objects.ts'
import { ANNOTATIONS } from '../resources.ts'
import { collectionConfig } from './config.ts'
import { type BuildContext, labelsOf, metaOf, namesOf, reclaimPolicy, selectorOf } from './context.ts'
import { digestForShards } from './credentials.ts'
import { inputsAnnotation } from './inputs.ts'
import { KEYS, PATHS, PORTS } from './names.ts'
import {
  ADMIN_PORT,
  adminProbes,
  containerSecurity,
  envList,
  fieldEnv,
  GRACE_SECONDS,
  placement,
  placementInputs,
  podSecurity,
  SCRAPE,
  secretEnv,
} from './pod-parts.ts'

export function shardInputs(context: BuildContext): string {
  const { spec } = context.cluster
  return inputsAnnotation({
    image: context.image,
    configuration: startConfigOf(collectionConfig(context)),
    resources: spec.resources,
    placement: placementInputs(context, 'shard'),
    podTemplate: spec.podTemplate,
    redis: spec.redis.external,
    centroids: [spec.centroids.configMapRef, context.centroidsDigest],
    credentials: digestForShards(context.credentials),
    restart: context.restartedAt,
  })
}

/** @param inputs of `shardInputs`, alike for all shards */
export function shardSet(context: BuildContext, cell: number, replicas: number, inputs: string): KubeObject {
  const { metadata, spec } = context.cluster
  const name = namesOf(context).shard(cell)
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: metaOf(context, name, 'shard', cell),
    spec: {
      replicas,
      serviceName: namesOf(context).shards,
      // The operator replaces pods itself, in the order that the plan gives; all of a shard start at once.
      updateStrategy: { type: 'OnDelete' },
      podManagementPolicy: 'Parallel',
      persistentVolumeClaimRetentionPolicy: {
        whenDeleted: reclaimPolicy(context),
        // A volume that a smaller shard left behind is welcome when it grows again.
        whenScaled: reclaimPolicy(context),
      },
      selector: { matchLabels: selectorOf(metadata.name, 'shard', cell) },
      template: podTemplate(context, cell, inputs),
      volumeClaimTemplates: [volumeClaim(context, 'shard', spec.storage, cell)],
    },
  }
}

/** A claim carries labels, so that it can be found, and grown, when its set is gone. */
export function volumeClaim(
  context: BuildContext,
  component: 'shard' | 'redis',
  storage: { size: string; storageClassName?: string | undefined },
  cell?: number,
): JsonObject {
  return {
    // As the API server fills it in: what is declared in full is compared in full.
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', labels: labelsOf(context.cluster.metadata.name, component, cell) },
    spec: {
      accessModes: ['ReadWriteOnce'],
      ...(storage.storageClassName === undefined ? {} : { storageClassName: storage.storageClassName }),
      // In whole bytes: what the API server and a provisioner would round is rounded here, and compares equal.
      resources: { requests: { storage: quantityText(sizeBytes(storage.size)) } },
    },
  }
}

function podTemplate(context: BuildContext, cell: number, inputs: string): JsonObject {
  const { metadata, spec } = context.cluster
  const own = spec.podTemplate
  return {
    metadata: {
      labels: { ...own?.metadata?.labels, ...labelsOf(metadata.name, 'shard', cell) },
      annotations: { ...SCRAPE, ...own?.metadata?.annotations, [ANNOTATIONS.inputs]: inputs },
    },
    spec: {
      ...own?.spec,
      ...placement(context, 'shard', cell),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: GRACE_SECONDS,
      securityContext: podSecurity(context),
      containers: [container(context, cell), ...((own?.spec?.containers as JsonObject[] | undefined) ?? [])],
      volumes: [...volumes(context), ...((own?.spec?.volumes as JsonObject[] | undefined) ?? [])],
    },
  }
}

function container(context: BuildContext, cell: number): JsonObject {
  const { spec } = context.cluster
  const mount = (name: string, mountPath: string, readOnly = true) => ({
    name,
    mountPath,
    ...(readOnly ? { readOnly } : {}),
  })
  return {
    name: 'shard',
    image: context.image,
    imagePullPolicy: context.imagePullPolicy,
    args: ['shard-server/main.ts'],
    env: [
      ...envList({
        ...NATIVE_ENV,
        ...memoryEnv(),
        MAKSDB_COLLECTION_FILE: `${PATHS.config}/${KEYS.collection}`,
        MAKSDB_CELL: String(cell),
        MAKSDB_DATA_DIR: PATHS.data,
        MAKSDB_HOST: ANY_ADDRESS,
        MAKSDB_PORT: String(PORTS.shard),
        MAKSDB_ADMIN_PORT: String(PORTS.admin),
        MAKSDB_TERMINATION_FILE: '/dev/termination-log',
      }),
      fieldEnv('MAKSDB_ORDINAL', "metadata.labels['apps.kubernetes.io/pod-index']"),
      fieldEnv('MAKSDB_ADVERTISE', 'status.podIP'),
      secretEnv('MAKSDB_INTERNAL_TOKEN', namesOf(context).internal, KEYS.internalToken),
    ],
    ports: [{ name: 'shard', containerPort: PORTS.shard, protocol: 'TCP' }, ADMIN_PORT],
    ...adminProbes(),
    ...(spec.resources ? { resources: spec.resources } : {}),
    securityContext: containerSecurity(context),
    terminationMessagePath: '/dev/termination-log',
    volumeMounts: [
      mount('data', PATHS.data, false),
      mount('tmp', '/tmp', false),
      mount('config', PATHS.config),
      mount('internal', PATHS.internal),
      ...(spec.redis.external ? [mount('redis', PATHS.external)] : []),
      ...(spec.centroids.configMapRef ? [mount('centroids', PATHS.centroids)] : []),
    ],
  }
}

/** Configuration, credentials and scratch space; the router mounts the same. */
export function volumes(context: BuildContext): JsonObject[] {
  const { redis, centroids } = context.cluster.spec
  const external = redis.external?.urlSecretRef
  const supplied = centroids.configMapRef
  return [
    { name: 'tmp', emptyDir: {} },
    { name: 'config', configMap: { name: namesOf(context).config } },
    { name: 'internal', secret: { secretName: namesOf(context).internal } },
    ...(external
      ? [{ name: 'redis', secret: { secretName: external.name, items: [{ key: external.key, path: KEYS.redisUrl }] } }]
      : []),
    ...(supplied
      ? [
          {
            name: 'centroids',
            configMap: { name: supplied.name, items: [{ key: supplied.key, path: KEYS.centroids }] },
          },
        ]
      : []),
  ]
}
