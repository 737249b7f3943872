/** The stateless front: a Deployment that rolls by itself, never with fewer pods than before. */
import { ANY_ADDRESS } from '../../core/address.ts'
import { memoryEnv } from '../../protocol/env/process-env.ts'
import type { JsonObject, KubeObject } from '../kube/objects.ts'
import { ANNOTATIONS } from '../resources.ts'
import { collectionConfig } from './config.ts'
import { type BuildContext, labelsOf, metaOf, namesOf, selectorOf } from './context.ts'
import { digestForRouters } from './credentials.ts'
import { inputsAnnotation } from './inputs.ts'
import { KEYS, PATHS, PORTS } from './names.ts'
import {
  ADMIN_PORT,
  adminProbes,
  containerSecurity,
  envList,
  GRACE_SECONDS,
  placement,
  placementInputs,
  podSecurity,
  SCRAPE,
  secretEnv,
} from './pod-parts.ts'
import { volumes } from './shard-set.ts'

/** Time for every kube-proxy to learn that a router is leaving, before it stops to accept. */
const LEAVE_SECONDS = 5
/** Then, time for clients to let go of the connections that they keep. */
const DRAIN_MS = 3000

export function routerDeployment(context: BuildContext): KubeObject {
  const { metadata, spec } = context.cluster
  const inputs = inputsAnnotation({
    image: context.image,
    // The rest of the configuration is read again when it changes.
    redis: collectionConfig(context).redisUrl,
    resources: spec.router.resources,
    placement: placementInputs(context, 'router'),
    apiKeys: [spec.auth, context.apiKeyDigest],
    tls: spec.tls,
    credentials: digestForRouters(context.credentials),
    restart: context.restartedAt,
  })
  const meta = metaOf(context, namesOf(context).router, 'router')
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { ...meta, annotations: { [ANNOTATIONS.declaredReplicas]: String(spec.router.replicas) } },
    spec: {
      replicas: spec.router.replicas,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      selector: { matchLabels: selectorOf(metadata.name, 'router') },
      template: {
        metadata: {
          labels: labelsOf(metadata.name, 'router'),
          annotations: { ...SCRAPE, [ANNOTATIONS.inputs]: inputs },
        },
        spec: {
          ...placement(context, 'router'),
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: GRACE_SECONDS + LEAVE_SECONDS,
          securityContext: podSecurity(context),
          containers: [container(context)],
          volumes: [
            ...volumes(context).filter(({ name }) => name !== 'centroids'),
            ...(spec.tls ? [{ name: 'tls', secret: { secretName: spec.tls.secretRef.name } }] : []),
          ],
        },
      },
    },
  }
}

function container(context: BuildContext): JsonObject {
  const { spec } = context.cluster
  const apiKeys = spec.auth?.secretRef.name ?? namesOf(context).apiKey
  const mount = (name: string, mountPath: string) => ({ name, mountPath, readOnly: true })
  return {
    name: 'router',
    image: context.image,
    imagePullPolicy: context.imagePullPolicy,
    args: ['router/main.ts'],
    env: [
      ...envList({
        ...memoryEnv(),
        MAKSDB_ROUTER_FILE: `${PATHS.config}/${KEYS.router}`,
        MAKSDB_VECTOR_CLUSTER: context.cluster.metadata.name,
        MAKSDB_HOST: ANY_ADDRESS,
        MAKSDB_PORT: String(PORTS.rest),
        MAKSDB_ADMIN_PORT: String(PORTS.admin),
        MAKSDB_DRAIN_MS: String(DRAIN_MS),
        ...(spec.tls ? { MAKSDB_TLS_DIR: PATHS.tls } : {}),
      }),
      secretEnv('MAKSDB_INTERNAL_TOKEN', namesOf(context).internal, KEYS.internalToken),
      secretEnv('MAKSDB_API_KEY', apiKeys, KEYS.apiKey),
      secretEnv('MAKSDB_READ_ONLY_API_KEY', apiKeys, KEYS.readOnlyApiKey, true),
    ],
    ports: [{ name: 'rest', containerPort: PORTS.rest, protocol: 'TCP' }, ADMIN_PORT],
    ...adminProbes(),
    lifecycle: { preStop: { sleep: { seconds: LEAVE_SECONDS } } },
    ...(spec.router.resources ? { resources: spec.router.resources } : {}),
    securityContext: containerSecurity(context),
    volumeMounts: [
      { name: 'tmp', mountPath: '/tmp' },
      mount('config', PATHS.config),
      mount('internal', PATHS.internal),
      ...(spec.redis.external ? [mount('redis', PATHS.external)] : []),
      ...(spec.tls ? [mount('tls', PATHS.tls)] : []),
    ],
  }
}
