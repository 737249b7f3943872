/** The bounds of each field of the CRD. */
import { external, long, many, parts, ref, secretRef, spread, template } from './crd-specs.ts'

/** Path of a field, what it accepts, what it refuses. */
export const FIELDS: [string, object[], object[]][] = [
  [
    'spec.dimension',
    [{ dimension: 1 }, { dimension: 65_536 }],
    [{ dimension: 0 }, { dimension: 65_537 }, { dimension: 'two' }, { dimension: null }],
  ],
  ['spec.metric', [{ metric: 'Cosine' }], [{ metric: 'Manhattan' }]],
  [
    'spec.collection',
    [{ collection: 'Films 2' }],
    [{ collection: 'a/b' }, { collection: '.' }, { collection: '..' }, { collection: '' }, { collection: long(256) }],
  ],
  ['spec.vectorName', [{ vectorName: '' }, { vectorName: long(255) }], [{ vectorName: long(256) }, { vectorName: 1 }]],
  ['spec.clusters', [{ clusters: 256 }], [{ clusters: 0 }, { clusters: 257 }]],
  ['spec.replicas', [{ replicas: 9 }], [{ replicas: 0 }, { replicas: 10 }]],
  ['spec.centroids.source', [{ centroids: { source: 'Random' } }], [{ centroids: { source: 'Guessed' } }]],
  [
    'spec.centroids.seed',
    [{ centroids: { seed: 4_294_967_295 } }],
    [{ centroids: { seed: -1 } }, { centroids: { seed: 4_294_967_296 } }],
  ],
  [
    'spec.centroids.sampleSize',
    [{ centroids: { sampleSize: 10 } }],
    [{ centroids: { sampleSize: 0 } }, { centroids: { sampleSize: 10_000_001 } }],
  ],
  [
    'spec.centroids.configMapRef.name',
    [{ centroids: { configMapRef: ref('a', 'b') } }],
    [
      { centroids: { configMapRef: ref('A', 'b') } },
      { centroids: { configMapRef: ref('', 'b') } },
      { centroids: { configMapRef: ref(long(254), 'b') } },
    ],
  ],
  [
    'spec.centroids.configMapRef.key',
    [{ centroids: { configMapRef: ref('a', 'B.json') } }],
    [
      { centroids: { configMapRef: ref('a', 'b/c') } },
      { centroids: { configMapRef: ref('a', '') } },
      { centroids: { configMapRef: ref('a', long(254)) } },
    ],
  ],
  [
    'spec.search.recallTarget',
    [{ search: { recallTarget: 1 } }],
    [{ search: { recallTarget: 1.1 } }, { search: { recallTarget: -0.1 } }],
  ],
  ['spec.search.probes', [{ search: { probes: 256 } }], [{ search: { probes: 0 } }, { search: { probes: 257 } }]],
  [
    'spec.redundantStorage',
    [{ redundantStorage: '1.25' }],
    [{ redundantStorage: '2.1' }, { redundantStorage: '1.00000' }],
  ],
  ['spec.durability', [{ durability: 'Memory' }], [{ durability: 'Hope' }]],
  [
    'spec.redis.managed.storage.size',
    [{ redis: { managed: { storage: { size: '2Gi' } } } }, { redis: { managed: { storage: { size: '1.5Gi' } } } }],
    [
      { redis: { managed: { storage: { size: 'two' } } } },
      { redis: { managed: { storage: { size: `1${'0'.repeat(32)}` } } } },
    ],
  ],
  [
    'spec.redis.managed.storage.storageClassName',
    [{ redis: { managed: { storage: { storageClassName: 'fast' } } } }],
    [{ redis: { managed: { storage: { storageClassName: long(254) } } } }],
  ],
  [
    'spec.redis.managed.resources.requests',
    [{ redis: { managed: { resources: { requests: { cpu: '500m', memory: 1 } } } } }],
    [
      { redis: { managed: { resources: { requests: { cpu: 'lots' } } } } },
      { redis: { managed: { resources: { requests: many(17) } } } },
    ],
  ],
  [
    'spec.redis.managed.resources.limits',
    [{ redis: { managed: { resources: { limits: { cpu: 1 } } } } }],
    [
      { redis: { managed: { resources: { limits: { cpu: '-1' } } } } },
      { redis: { managed: { resources: { limits: many(17) } } } },
    ],
  ],
  [
    'spec.redis.external.urlSecretRef.name',
    [{ redis: external }],
    [
      { redis: { external: { urlSecretRef: ref('A', 'b') } } },
      { redis: { external: { urlSecretRef: ref('', 'b') } } },
      { redis: { external: { urlSecretRef: ref(long(254), 'b') } } },
    ],
  ],
  [
    'spec.redis.external.urlSecretRef.key',
    [{ redis: external }],
    [
      { redis: { external: { urlSecretRef: ref('a', 'b c') } } },
      { redis: { external: { urlSecretRef: ref('a', '') } } },
      { redis: { external: { urlSecretRef: ref('a', long(254)) } } },
    ],
  ],
  ['spec.redis.image', [{ redis: { image: 'redis:8' } }], [{ redis: { image: '' } }, { redis: { image: long(501) } }]],
  [
    'spec.storage.size',
    ['1Ti', '1.5Gi', '10Pi', '1Ei', '1e9', '.5Ti', '1073741824'].map((size) => ({ storage: { size } })),
    [
      ...['0Gi', '0', '500m', '-1Gi', '1GB', '1e999', '1100Pi', '100E'].map((size) => ({ storage: { size } })),
      { storage: { size: `1${'0'.repeat(32)}` } },
    ],
  ],
  [
    'spec.storage.storageClassName',
    [{ storage: { storageClassName: 'fast' } }],
    [{ storage: { storageClassName: long(254) } }],
  ],
  ['spec.reclaimPolicy', [{ reclaimPolicy: 'Delete' }], [{ reclaimPolicy: 'Keep' }]],
  ['spec.image', [{ image: 'maksdb:1' }], [{ image: '' }, { image: long(501) }]],
  [
    'spec.auth.secretRef.name',
    [{ auth: secretRef('a') }],
    [{ auth: secretRef('A') }, { auth: secretRef('') }, { auth: secretRef(long(254)) }],
  ],
  [
    'spec.tls.secretRef.name',
    [{ tls: secretRef('a') }],
    [{ tls: secretRef('A') }, { tls: secretRef('') }, { tls: secretRef(long(254)) }],
  ],
  [
    'spec.router.replicas',
    [{ router: { replicas: 100 } }],
    [{ router: { replicas: 0 } }, { router: { replicas: 101 } }],
  ],
  [
    'spec.router.resources.requests',
    [{ router: { resources: { requests: { cpu: 1 } } } }],
    [{ router: { resources: { requests: { cpu: 'x' } } } }, { router: { resources: { requests: many(17) } } }],
  ],
  [
    'spec.router.resources.limits',
    [{ router: { resources: { limits: { cpu: 1 } } } }],
    [{ router: { resources: { limits: { cpu: 'x' } } } }, { router: { resources: { limits: many(17) } } }],
  ],
  [
    'spec.resources.requests',
    [{ resources: { requests: { memory: '1Gi' } } }],
    [{ resources: { requests: { memory: '1Gb' } } }, { resources: { requests: many(17) } }],
  ],
  [
    'spec.resources.limits',
    [{ resources: { limits: { memory: '1Gi' } } }],
    [{ resources: { limits: { memory: '1Gb' } } }, { resources: { limits: many(17) } }],
  ],
  [
    'spec.nodeSelector',
    [{ nodeSelector: { disk: 'ssd' } }],
    [{ nodeSelector: { disk: long(64) } }, { nodeSelector: { disk: 'no spaces' } }, { nodeSelector: many(33) }],
  ],
  [
    'spec.tolerations',
    [{ tolerations: [{ key: 'a', operator: 'Exists' }] }],
    [{ tolerations: Array.from({ length: 33 }, () => ({})) }],
  ],
  ['spec.tolerations[0].key', [{ tolerations: [{ key: 'a' }] }], [{ tolerations: [{ key: long(317) }] }]],
  [
    'spec.tolerations[0].operator',
    [{ tolerations: [{ operator: 'Equal' }] }],
    [{ tolerations: [{ operator: 'Like' }] }],
  ],
  ['spec.tolerations[0].value', [{ tolerations: [{ value: 'a' }] }], [{ tolerations: [{ value: long(64) }] }]],
  [
    'spec.tolerations[0].effect',
    [{ tolerations: [{ effect: 'NoExecute' }] }],
    [{ tolerations: [{ effect: 'Never' }] }],
  ],
  [
    'spec.tolerations[0].tolerationSeconds',
    [{ tolerations: [{ tolerationSeconds: 60 }] }],
    [{ tolerations: [{ tolerationSeconds: -1 }] }, { tolerations: [{ tolerationSeconds: 31_536_001 }] }],
  ],
  [
    'spec.topologySpreadConstraints',
    [{ topologySpreadConstraints: [spread] }],
    [
      { topologySpreadConstraints: Array.from({ length: 17 }, () => spread) },
      { topologySpreadConstraints: [{ maxSkew: 1 }] },
    ],
  ],
  [
    'spec.imagePullSecrets',
    [{ imagePullSecrets: [{ name: 'a' }] }],
    [{ imagePullSecrets: Array.from({ length: 17 }, () => ({ name: 'a' })) }],
  ],
  [
    'spec.imagePullSecrets[0].name',
    [{ imagePullSecrets: [{ name: 'a' }] }],
    [
      { imagePullSecrets: [{ name: 'A' }] },
      { imagePullSecrets: [{ name: '' }] },
      { imagePullSecrets: [{ name: long(254) }] },
    ],
  ],
  [
    'spec.podSecurityContext.runAsUser',
    [{ podSecurityContext: { runAsUser: 1_000_660_000 } }, { podSecurityContext: { runAsUser: 0 } }],
    [{ podSecurityContext: { runAsUser: -1 } }, { podSecurityContext: { runAsUser: 2_147_483_648 } }],
  ],
  [
    'spec.podSecurityContext.runAsGroup',
    [{ podSecurityContext: { runAsGroup: 1_000_660_000 } }, { podSecurityContext: { runAsGroup: 0 } }],
    [{ podSecurityContext: { runAsGroup: -1 } }, { podSecurityContext: { runAsGroup: 2_147_483_648 } }],
  ],
  [
    'spec.podSecurityContext.fsGroup',
    [{ podSecurityContext: { fsGroup: 1_000_660_000 } }, { podSecurityContext: { fsGroup: 0 } }],
    [{ podSecurityContext: { fsGroup: -1 } }, { podSecurityContext: { fsGroup: 2_147_483_648 } }],
  ],
  [
    'spec.podSecurityContext.seLinuxOptions.level',
    [{ podSecurityContext: { seLinuxOptions: { level: 's0:c26,c0' } } }],
    [{ podSecurityContext: { seLinuxOptions: { level: long(254) } } }],
  ],
  [
    'spec.podSecurityContext.seLinuxOptions.role',
    [{ podSecurityContext: { seLinuxOptions: { role: 's0:c26,c0' } } }],
    [{ podSecurityContext: { seLinuxOptions: { role: long(254) } } }],
  ],
  [
    'spec.podSecurityContext.seLinuxOptions.type',
    [{ podSecurityContext: { seLinuxOptions: { type: 's0:c26,c0' } } }],
    [{ podSecurityContext: { seLinuxOptions: { type: long(254) } } }],
  ],
  [
    'spec.podSecurityContext.seLinuxOptions.user',
    [{ podSecurityContext: { seLinuxOptions: { user: 's0:c26,c0' } } }],
    [{ podSecurityContext: { seLinuxOptions: { user: long(254) } } }],
  ],
  [
    'spec.podSecurityContext.seccompProfile.type',
    [{ podSecurityContext: { seccompProfile: { type: 'RuntimeDefault' } } }],
    [{ podSecurityContext: { seccompProfile: { type: 'None' } } }],
  ],
  [
    'spec.podSecurityContext.seccompProfile.localhostProfile',
    [{ podSecurityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'a.json' } } }],
    [{ podSecurityContext: { seccompProfile: { type: 'Localhost', localhostProfile: long(254) } } }],
  ],
  [
    'spec.containerSecurityContext.runAsUser',
    [{ containerSecurityContext: { runAsUser: 1_000_660_000 } }, { containerSecurityContext: { runAsUser: 0 } }],
    [{ containerSecurityContext: { runAsUser: -1 } }, { containerSecurityContext: { runAsUser: 2_147_483_648 } }],
  ],
  [
    'spec.containerSecurityContext.runAsGroup',
    [{ containerSecurityContext: { runAsGroup: 1_000_660_000 } }, { containerSecurityContext: { runAsGroup: 0 } }],
    [{ containerSecurityContext: { runAsGroup: -1 } }, { containerSecurityContext: { runAsGroup: 2_147_483_648 } }],
  ],
  [
    'spec.containerSecurityContext.seLinuxOptions.level',
    [{ containerSecurityContext: { seLinuxOptions: { level: 's0:c26,c0' } } }],
    [{ containerSecurityContext: { seLinuxOptions: { level: long(254) } } }],
  ],
  [
    'spec.containerSecurityContext.seLinuxOptions.role',
    [{ containerSecurityContext: { seLinuxOptions: { role: 's0:c26,c0' } } }],
    [{ containerSecurityContext: { seLinuxOptions: { role: long(254) } } }],
  ],
  [
    'spec.containerSecurityContext.seLinuxOptions.type',
    [{ containerSecurityContext: { seLinuxOptions: { type: 's0:c26,c0' } } }],
    [{ containerSecurityContext: { seLinuxOptions: { type: long(254) } } }],
  ],
  [
    'spec.containerSecurityContext.seLinuxOptions.user',
    [{ containerSecurityContext: { seLinuxOptions: { user: 's0:c26,c0' } } }],
    [{ containerSecurityContext: { seLinuxOptions: { user: long(254) } } }],
  ],
  [
    'spec.containerSecurityContext.seccompProfile.type',
    [{ containerSecurityContext: { seccompProfile: { type: 'RuntimeDefault' } } }],
    [{ containerSecurityContext: { seccompProfile: { type: 'None' } } }],
  ],
  [
    'spec.containerSecurityContext.seccompProfile.localhostProfile',
    [{ containerSecurityContext: { seccompProfile: { type: 'Localhost', localhostProfile: 'a.json' } } }],
    [{ containerSecurityContext: { seccompProfile: { type: 'Localhost', localhostProfile: long(254) } } }],
  ],
  [
    'spec.podSecurityContext.fsGroupChangePolicy',
    [{ podSecurityContext: { fsGroupChangePolicy: 'Always' } }],
    [{ podSecurityContext: { fsGroupChangePolicy: 'Never' } }],
  ],
  [
    'spec.podSecurityContext.supplementalGroups',
    [{ podSecurityContext: { supplementalGroups: [1] } }],
    [{ podSecurityContext: { supplementalGroups: Array.from({ length: 33 }, () => 1) } }],
  ],
  [
    'spec.podSecurityContext.supplementalGroups[0]',
    [{ podSecurityContext: { supplementalGroups: [1] } }],
    [
      { podSecurityContext: { supplementalGroups: [-1] } },
      { podSecurityContext: { supplementalGroups: [2_147_483_648] } },
    ],
  ],
  [
    'spec.containerSecurityContext.capabilities.add',
    [{ containerSecurityContext: { capabilities: { add: ['ALL'] } } }],
    [{ containerSecurityContext: { capabilities: { add: Array.from({ length: 65 }, () => 'ALL') } } }],
  ],
  [
    'spec.containerSecurityContext.capabilities.add[0]',
    [{ containerSecurityContext: { capabilities: { add: ['ALL'] } } }],
    [{ containerSecurityContext: { capabilities: { add: [long(64)] } } }],
  ],
  [
    'spec.containerSecurityContext.capabilities.drop',
    [{ containerSecurityContext: { capabilities: { drop: ['ALL'] } } }],
    [{ containerSecurityContext: { capabilities: { drop: Array.from({ length: 65 }, () => 'ALL') } } }],
  ],
  [
    'spec.containerSecurityContext.capabilities.drop[0]',
    [{ containerSecurityContext: { capabilities: { drop: ['ALL'] } } }],
    [{ containerSecurityContext: { capabilities: { drop: [long(64)] } } }],
  ],
  [
    'spec.service.ipFamilyPolicy',
    [{ service: { ipFamilyPolicy: 'PreferDualStack' } }],
    [{ service: { ipFamilyPolicy: 'Both' } }],
  ],
  [
    'spec.podTemplate.metadata.labels',
    [template({ metadata: { labels: { a: 'b' } } })],
    [
      template({ metadata: { labels: { a: long(64) } } }),
      template({ metadata: { labels: { a: 'no spaces' } } }),
      template({ metadata: { labels: many(33) } }),
    ],
  ],
  [
    'spec.podTemplate.metadata.annotations',
    [template({ metadata: { annotations: { a: 'b' } } })],
    [template({ metadata: { annotations: { a: long(4097) } } }), template({ metadata: { annotations: many(33) } })],
  ],
  ...(['containers', 'initContainers', 'volumes'] as const).flatMap((list): [string, object[], object[]][] => [
    [`spec.podTemplate.spec.${list}`, [parts(list, 16)], [parts(list, 17)]],
    [`spec.podTemplate.spec.${list}[0].name`, [parts(list, 1)], [parts(list, 1, 'A'), parts(list, 1, long(63))]],
  ]),
]
