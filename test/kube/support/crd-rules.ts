/** The CRD's rules in CEL. */
import { external, long, template } from './crd-specs.ts'

const SOURCES =
  'configMap, secret, emptyDir, persistentVolumeClaim, projected, downwardAPI, csi, ephemeral, hostPath, nfs, image'
/** Rules in CEL: message, what is accepted, what is refused; with `from`, as a change of that. */
export const RULES: [string, { from?: object; good: object; bad: object; name?: string }][] = [
  ['dimension cannot be changed', { from: { dimension: 3 }, good: { dimension: 3 }, bad: { dimension: 4 } }],
  ['metric cannot be changed', { from: {}, good: { metric: 'L2' }, bad: { metric: 'Cosine' } }],
  ['collection cannot be changed', { from: { collection: 'a' }, good: { collection: 'a' }, bad: { collection: 'b' } }],
  [
    'collection must not be "." or "..", which cannot stand in the path of a request',
    { good: { collection: '...' }, bad: { collection: '..' } },
  ],
  [
    'centroids.source cannot be changed',
    {
      from: { centroids: { source: 'Random' } },
      good: { centroids: { source: 'Random', seed: 1 } },
      bad: { centroids: { source: 'Dynamic' } },
    },
  ],
  [
    'centroids.sampleSize must be at least 10 for each of the clusters',
    { good: { clusters: 2, centroids: { sampleSize: 20 } }, bad: { clusters: 2, centroids: { sampleSize: 19 } } },
  ],
  [
    'durability: Replicated needs an external Redis with replicas',
    { good: { durability: 'Replicated', redis: external }, bad: { durability: 'Replicated' } },
  ],
  [
    'a request of resources cannot be above its limit',
    {
      good: { resources: { requests: { cpu: '500m', memory: '2Gi' }, limits: { cpu: 1, memory: '2048Mi' } } },
      bad: { resources: { requests: { memory: '4Gi' }, limits: { memory: '2Gi' } } },
    },
  ],
  [
    'redis.managed.storage.size must be at least 4Mi for each of the clusters',
    { good: { clusters: 256 }, bad: { clusters: 26, redis: { managed: { storage: { size: '100Mi' } } } } },
  ],
  [
    'redis.managed.resources.limits.memory must be at least 64Mi, and 3Mi for each of the clusters',
    {
      good: { clusters: 22, redis: { managed: { resources: { limits: { memory: 66 * 1024 ** 2 } } } } },
      bad: { clusters: 22, redis: { managed: { resources: { limits: { memory: '65Mi' } } } } },
    },
  ],
  [
    'redis must have either managed or external, not both',
    { good: { redis: external }, bad: { redis: { ...external, managed: {} } } },
  ],
  [
    'redis: the kind of Redis, managed or external, cannot be changed',
    { from: { redis: external }, good: { redis: external }, bad: {} },
  ],
  [
    'a volume can only grow',
    { from: { storage: { size: '2Gi' } }, good: { storage: { size: '3Gi' } }, bad: { storage: { size: '1Gi' } } },
  ],
  ['the size of a volume must be above 0', { good: { storage: { size: '1' } }, bad: { storage: { size: '0.0' } } }],
  ['a volume has at most 1Ei', { good: { storage: { size: '1024Pi' } }, bad: { storage: { size: '1025Pi' } } }],
  [
    'storageClassName cannot be changed',
    { from: { storage: { storageClassName: 'a' } }, good: { storage: { storageClassName: 'a' } }, bad: {} },
  ],
  [
    `a volume has exactly one of ${SOURCES}`,
    {
      good: template({ spec: { volumes: [{ name: 'a', configMap: { name: 'b' } }] } }),
      bad: template({ spec: { volumes: [{ name: 'a', configMap: { name: 'b' }, emptyDir: {} }] } }),
    },
  ],
  [
    "podTemplate.spec.containers: the name shard is the operator's",
    {
      good: template({ spec: { containers: [{ name: 'web', image: 'web' }] } }),
      bad: template({ spec: { containers: [{ name: 'shard', image: 'web' }] } }),
    },
  ],
  [
    "podTemplate.spec.volumes: the names data, tmp, config, internal, redis, centroids are the operator's",
    {
      good: template({ spec: { volumes: [{ name: 'scratch', emptyDir: {} }] } }),
      bad: template({ spec: { volumes: [{ name: 'data', emptyDir: {} }] } }),
    },
  ],
  ['metadata.name must have at most 40 characters', { good: {}, bad: {}, name: long(41) }],
  [
    'metadata.name must be lower-case letters, digits and "-", and begin with a letter: it names a Service',
    { good: {}, bad: {}, name: '9lives' },
  ],
  [
    'metadata.name must not end in -redis or -shards: Services of other VectorClusters have such names',
    { good: {}, bad: {}, name: 'films-redis' },
  ],
]
