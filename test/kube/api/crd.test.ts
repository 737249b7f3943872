/** Every rule of the CRD on a real API server: something that it accepts and something that it refuses, by a sentence that names the field. */

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import type { KubeClient } from '../../../operator/kube/kube-client.ts'
import type { KubeError } from '../../../operator/kube/kube-error.ts'
import type { KubeObject } from '../../../operator/kube/objects.ts'
import { VECTOR_CLUSTERS } from '../../../operator/resources.ts'
import { crd } from '../../../tools/crd.ts'
import { ApiServer } from '../support/api-server.ts'
import { FIELDS } from '../support/crd-fields.ts'
import { RULES } from '../support/crd-rules.ts'
import { spread, template } from '../support/crd-specs.ts'

let server: ApiServer
let client: KubeClient

beforeAll(async () => {
  server = await ApiServer.start()
  client = server.client()
  await server.installCrd(client)
})
afterAll(async () => {
  await client.connection.close()
  await server.stop()
})

let made = 0
function object(spec: object, name = `c-${made++}`): KubeObject {
  const { apiVersion, kind } = VECTOR_CLUSTERS
  return { apiVersion, kind, metadata: { name, namespace: 'default' }, spec: { dimension: 2, ...spec } }
}

/** As kubectl does it: what the schema does not know is an error. */
function create(manifest: KubeObject): Promise<KubeObject> {
  const path = '/apis/maksdb.io/v1alpha1/namespaces/default/vectorclusters'
  return client.call('POST', path, { body: manifest, query: { fieldValidation: 'Strict', dryRun: 'All' } })
}

async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    return (error as KubeError).message
  }
  return 'it was accepted'
}

describe('a field', () => {
  it.each(FIELDS)('%s', async (path, accepted, refused) => {
    for (const spec of accepted) await create(object(spec))
    for (const spec of refused) expect(await refusal(create(object(spec))), JSON.stringify(spec)).toContain(path)
  })

  it('that the schema does not know is an error', async () => {
    expect(await refusal(create(object({ dimensions: 3 })))).toContain('unknown field "spec.dimensions"')
  })

  it.each([
    ['spec.podTemplate.spec.nonsense', template({ spec: { nonsense: 1 } })],
    ['spec.podTemplate.spec.securityContext', template({ spec: { securityContext: {} } })],
    [
      'spec.podTemplate.spec.containers[0].nonsense',
      template({ spec: { containers: [{ name: 'a', image: 'b', nonsense: 1 }] } }),
    ],
    [
      'spec.podTemplate.spec.volumes[0].nonsense',
      template({ spec: { volumes: [{ name: 'a', emptyDir: {}, nonsense: {} }] } }),
    ],
    ['spec.affinity.nonsense', { affinity: { nonsense: {} } }],
    [
      'spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].nonsense',
      {
        affinity: {
          podAntiAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', nonsense: 1 }],
          },
        },
      },
    ],
    ['spec.topologySpreadConstraints[0].nonsense', { topologySpreadConstraints: [{ ...spread, nonsense: 1 }] }],
  ])('of a pod that Kubernetes or the operator does not know is an error: %s', async (path, spec) => {
    expect(await refusal(create(object(spec)))).toContain(`unknown field "${path}"`)
    // By server-side apply too, as the operator's own tools and GitOps controllers write it.
    expect(await refusal(client.apply(VECTOR_CLUSTERS, object(spec), 'test'))).toContain('field not declared in schema')
  })

  it('that names two parts of a pod alike is an error', async () => {
    const twice = ['a', 'a'].map((name) => ({ name, image: 'b' }))
    expect(await refusal(create(object(template({ spec: { containers: twice } }))))).toContain('Duplicate value')
  })

  it('of a pod goes through as it is', async () => {
    const spec = template({
      spec: {
        serviceAccountName: 'films',
        priorityClassName: 'high',
        containers: [
          {
            name: 'logs',
            image: 'fluent-bit:4',
            args: ['-q'],
            env: [{ name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }],
            resources: { limits: { memory: '64Mi' } },
            volumeMounts: [{ name: 'settings', mountPath: '/settings', readOnly: true }],
            livenessProbe: { httpGet: { path: '/', port: 2020 }, periodSeconds: 5 },
            securityContext: { capabilities: { drop: ['ALL'] } },
          },
        ],
        volumes: [{ name: 'settings', configMap: { name: 'logs', items: [{ key: 'a', path: 'b' }] } }],
      },
    })
    expect((await create(object(spec))).spec?.podTemplate).toEqual(spec.podTemplate)
  })

  it('that is missing: only dimension, and the API server fills in the rest', async () => {
    const { apiVersion, kind } = VECTOR_CLUSTERS
    const bare = { apiVersion, kind, metadata: { name: 'bare', namespace: 'default' } }
    expect(await refusal(create({ ...bare, spec: {} }))).toContain('spec.dimension: Required value')
    expect((await create({ ...bare, spec: { dimension: 7 } })).spec).toEqual({
      dimension: 7,
      metric: 'L2',
      clusters: 1,
      replicas: 1,
      centroids: { source: 'Dynamic', seed: 0, sampleSize: 10_000 },
      search: { recallTarget: 0.95 },
      redundantStorage: '1.0',
      durability: 'Fsync',
      redis: { managed: { storage: { size: '1Gi' } } },
      storage: { size: '10Gi' },
      router: { replicas: 2 },
      reclaimPolicy: 'Retain',
    })
  })
})

describe('a rule', () => {
  it.each(RULES)('%s', async (message, { from, good, bad, name }) => {
    if (from === undefined) {
      await create(object(good))
      expect(await refusal(create(object(bad, name)))).toContain(message)
      return
    }
    const before = object(from)
    await client.apply(VECTOR_CLUSTERS, before, 'test')
    const after = (spec: object) => ({
      ...before,
      spec: { ...object(spec).spec, ...('dimension' in from ? { ...spec } : {}) },
    })
    await client.apply(VECTOR_CLUSTERS, after(good), 'test')
    expect(await refusal(client.apply(VECTOR_CLUSTERS, after(bad), 'test'))).toContain(message)
  })
})

it.each([
  ['cpu of shards', { resources: { requests: { cpu: 2 }, limits: { cpu: '1500m' } } }],
  ['memory of routers', { router: { resources: { requests: { memory: 5 }, limits: { memory: 4 } } } }],
  [
    'any resource of Redis',
    { redis: { managed: { resources: { requests: { 'a.b/c': '2' }, limits: { 'a.b/c': 1 } } } } },
  ],
])('a request above its limit is refused: %s', async (_what, spec) => {
  expect(await refusal(create(object(spec)))).toContain('a request of resources cannot be above its limit')
})

interface Schema {
  properties?: Record<string, Schema>
  items?: Schema
  additionalProperties?: Schema
  'x-kubernetes-validations'?: { message?: string }[]
  [keyword: string]: unknown
}
const BOUNDS = ['minimum', 'maximum', 'enum', 'pattern', 'minLength', 'maxLength', 'maxItems', 'maxProperties']

it('sizes are compared as quantities: written otherwise is the same, a byte less is smaller', async () => {
  const sized = (size: string) => ({
    ...object({ storage: { size } }, 'sized'),
    spec: { dimension: 2, storage: { size } },
  })
  for (const size of ['1.5Gi', '1536Mi', '1610612736', '1.6Gi', '2e9', '10Pi', '10240Ti'])
    await client.apply(VECTOR_CLUSTERS, sized(size), 'test')
  expect(await refusal(client.apply(VECTOR_CLUSTERS, sized('11258999068426239'), 'test'))).toContain(
    'a volume can only grow',
  )
})

describe('the tables above', () => {
  const root = crd().spec.versions[0]?.schema.openAPIV3Schema as unknown as Schema
  const fields: string[] = []
  const messages = new Set<string>()
  walk(root, '')
  function walk(schema: Schema, path: string): void {
    for (const { message } of schema['x-kubernetes-validations'] ?? []) if (message !== undefined) messages.add(message)
    if (path.startsWith('.spec') && BOUNDS.some((bound) => bound in schema)) fields.push(path.slice(1))
    for (const [name, field] of Object.entries(schema.properties ?? {}))
      if (name !== 'status') walk(field, `${path}.${name}`)
    if (schema.items) walk(schema.items, `${path}[0]`)
    // What an entry of a map may be is asked for at the map.
    if (schema.additionalProperties) walk(schema.additionalProperties, path)
  }

  it('have every field that has a bound', () => {
    const tried = new Set(FIELDS.map(([path]) => path))
    expect([...new Set(fields)].filter((path) => !tried.has(path))).toEqual([])
  })

  it('have every rule', () => {
    expect([...messages].sort()).toEqual(RULES.map(([message]) => message).sort())
  })
})

it('the samples are accepted', async () => {
  for (const file of ['minimal', 'production', 'supplied-centroids']) {
    const documents = parseAllDocuments(readFileSync(`crds/samples/${file}.yaml`, 'utf8')).map(
      (document) => document.toJS() as KubeObject,
    )
    for (const one of documents.filter(({ kind }) => kind === VECTOR_CLUSTERS.kind))
      await create({ ...one, metadata: { ...one.metadata, namespace: 'default' } })
  }
})
