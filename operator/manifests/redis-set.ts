/** The managed Redis: one pod, its log synced to its volume before a write is acknowledged. */
import { redisStorage } from '../../protocol/manifest/redis.ts'
import type { JsonObject, KubeObject } from '../kube/objects.ts'
import { ANNOTATIONS } from '../resources.ts'
import { redisConf } from './config.ts'
import { type BuildContext, labelsOf, metaOf, namesOf, reclaimPolicy, selectorOf } from './context.ts'
import { digestForShards } from './credentials.ts'
import { inputsAnnotation } from './inputs.ts'
import { KEYS, PATHS, PORTS } from './names.ts'
import { containerSecurity, GRACE_SECONDS, placement, placementInputs, podSecurity } from './pod-parts.ts'
import { volumeClaim } from './shard-set.ts'

function redisImage(context: BuildContext): string {
  return context.cluster.spec.redis.image ?? context.image
}

export function redisInputs(context: BuildContext): string {
  return inputsAnnotation({
    image: redisImage(context),
    configuration: redisConf(context),
    resources: context.cluster.spec.redis.managed?.resources,
    placement: placementInputs(context, 'redis'),
    credentials: digestForShards(context.credentials),
    restart: context.restartedAt,
  })
}

export function redisSet(context: BuildContext): KubeObject {
  const { metadata, spec } = context.cluster
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: metaOf(context, namesOf(context).redis, 'redis'),
    spec: {
      replicas: 1,
      serviceName: namesOf(context).redis,
      updateStrategy: { type: 'OnDelete' },
      podManagementPolicy: 'Parallel',
      persistentVolumeClaimRetentionPolicy: { whenDeleted: reclaimPolicy(context), whenScaled: 'Retain' },
      selector: { matchLabels: selectorOf(metadata.name, 'redis') },
      template: {
        metadata: {
          labels: labelsOf(metadata.name, 'redis'),
          annotations: { [ANNOTATIONS.inputs]: redisInputs(context) },
        },
        spec: {
          ...placement(context, 'redis'),
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: GRACE_SECONDS,
          securityContext: podSecurity(context),
          containers: [container(context)],
          volumes: [
            { name: 'config', configMap: { name: namesOf(context).config } },
            { name: 'internal', secret: { secretName: namesOf(context).internal } },
          ],
        },
      },
      volumeClaimTemplates: [volumeClaim(context, 'redis', redisStorage(spec))],
    },
  }
}

function container(context: BuildContext): JsonObject {
  const { resources } = context.cluster.spec.redis.managed ?? {}
  const ping = `REDISCLI_AUTH=$(cat ${PATHS.internal}/${KEYS.redisPassword}) redis-cli ping | grep -q PONG`
  // Any reply counts, an error too: a Redis that loads its file lives. That its port takes connections proves nothing, for
  // the kernel takes them for a process that is stopped. Only a Redis that does not know the password of the Secret has to
  // start again, with the configuration of now.
  const replies = `reply=$(REDISCLI_AUTH=$(cat ${PATHS.internal}/${KEYS.redisPassword}) redis-cli ping 2>&1); case "$reply" in ''|*WRONGPASS*|*'Could not connect'*) exit 1; esac`
  return {
    name: 'redis',
    image: redisImage(context),
    imagePullPolicy: context.imagePullPolicy,
    command: ['redis-server', `${PATHS.config}/${KEYS.redis}`],
    ports: [{ name: 'redis', containerPort: PORTS.redis, protocol: 'TCP' }],
    // A command in a container takes 50 ms of a processor: often until it replies, for all shards wait for it, and rarely
    // afterwards; the end of a load that takes longer is seen some seconds later.
    startupProbe: {
      exec: { command: ['sh', '-c', replies] },
      periodSeconds: 1,
      timeoutSeconds: 3,
      failureThreshold: 60,
    },
    readinessProbe: { exec: { command: ['sh', '-c', ping] }, periodSeconds: 5, timeoutSeconds: 3 },
    livenessProbe: {
      exec: { command: ['sh', '-c', replies] },
      periodSeconds: 10,
      failureThreshold: 6,
      timeoutSeconds: 5,
    },
    ...(resources ? { resources } : {}),
    securityContext: containerSecurity(context),
    volumeMounts: [
      { name: 'data', mountPath: PATHS.data },
      { name: 'config', mountPath: PATHS.config, readOnly: true },
      { name: 'internal', mountPath: PATHS.internal, readOnly: true },
    ],
  }
}
