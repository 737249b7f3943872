/** ConfigMap and Secrets: what the programs read. */
import { randomBytes } from 'node:crypto'
import { collectionConfigOf, redisSettings } from '../../protocol/env/cluster-config.ts'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import type { KubeObject } from '../kube/objects.ts'
import { type BuildContext, metaOf, namesOf } from './context.ts'
import { redisUser } from './credentials.ts'
import { KEYS, PATHS, PORTS } from './names.ts'

const SECRET_BYTES = 24

export function collectionConfig(context: BuildContext): CollectionConfig {
  const { spec, metadata } = context.cluster
  const passwordFile = encodeURIComponent(`${PATHS.internal}/${KEYS.redisPassword}`)
  const managed = `redis://${namesOf(context).redis}.${metadata.namespace}.svc:${PORTS.redis}?passwordFile=${passwordFile}`
  return collectionConfigOf(context.cluster, {
    uid: context.uid,
    owner: `VectorCluster ${metadata.namespace}/${metadata.name} on Kubernetes`,
    since: context.since,
    clusters: context.clusters,
    redisUrl: spec.redis.external ? `file://${PATHS.external}/${KEYS.redisUrl}` : managed,
    centroidsFile: spec.centroids.configMapRef ? `${PATHS.centroids}/${KEYS.centroids}` : undefined,
  })
}

/** But for its user: passwords come and go, and Redis gets them while it runs. */
export function redisConf(context: BuildContext): string {
  return [
    `port ${PORTS.redis}`,
    'bind * -::*',
    'protected-mode no',
    `dir ${PATHS.data}`,
    ...redisSettings(context.cluster.spec),
  ].join('\n')
}

export function configMap(context: BuildContext): KubeObject {
  const collection = collectionConfig(context)
  const tokenHashes = context.credentials.known.map(({ token }) => token)
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metaOf(context, namesOf(context).config, 'config'),
    data: {
      [KEYS.collection]: JSON.stringify({ ...collection, tokenHashes }, null, 2),
      [KEYS.router]: JSON.stringify({ collections: [collection] }, null, 2),
      [KEYS.credentials]: JSON.stringify(context.credentials.known, null, 2),
      ...(context.cluster.spec.redis.external
        ? {}
        : { [KEYS.redis]: `${redisConf(context)}\n${redisUser(context.credentials)}\n` }),
    },
  }
}

/** Secrets are made once and never changed: a restart of the operator must not lock the pods out. */
export function internalSecret(context: BuildContext): KubeObject {
  return secret(context, namesOf(context).internal, {
    [KEYS.internalToken]: randomBytes(SECRET_BYTES).toString('hex'),
    [KEYS.redisPassword]: randomBytes(SECRET_BYTES).toString('hex'),
  })
}

export function apiKeySecret(context: BuildContext): KubeObject {
  return secret(context, namesOf(context).apiKey, {
    [KEYS.apiKey]: randomBytes(SECRET_BYTES).toString('base64url'),
    [KEYS.readOnlyApiKey]: randomBytes(SECRET_BYTES).toString('base64url'),
  })
}

function secret(context: BuildContext, name: string, values: Record<string, string>): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: metaOf(context, name, 'config'),
    data: Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  }
}
