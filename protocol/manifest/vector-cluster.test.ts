import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeFrame, encodeFrame, type Frame } from '../frame.ts'
import { keysOf } from '../keys.ts'
import { parseQuantity } from './quantity.ts'
import { redisMemoryBytes } from './redis.ts'
import { clusterNameFor, collectionNameFault, parseVectorCluster } from './vector-cluster.ts'

function decoded(bytes: Buffer): Frame<unknown> {
  const work = decodeFrame<unknown>(bytes)
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
  }
}

const manifest = (spec: object) => ({
  apiVersion: 'maksdb.io/v1alpha1',
  kind: 'VectorCluster',
  metadata: { name: 'films' },
  spec,
})

describe('the manifest', () => {
  it('needs a dimension and nothing else', () => {
    const { spec } = parseVectorCluster(manifest({ dimension: 128 }))
    expect(spec).toMatchObject({
      metric: 'L2',
      clusters: 1,
      replicas: 1,
      durability: 'Fsync',
      redundantStorage: '1.0',
      reclaimPolicy: 'Retain',
      centroids: { source: 'Dynamic', sampleSize: 10_000, seed: 0 },
      search: { recallTarget: 0.95 },
      redis: { managed: { storage: { size: '1Gi' } } },
      storage: { size: '10Gi' },
      router: { replicas: 2 },
    })
  })

  it('is refused as a whole, with every wrong field by name', () => {
    expect(() => parseVectorCluster(manifest({ dimension: 0, clusters: 'two' }))).toThrow(
      /spec\.dimension.*spec\.clusters/,
    )
    expect(() => parseVectorCluster({ ...manifest({ dimension: 1 }), metadata: { name: 'Not_A_Label' } })).toThrow(
      /metadata\.name/,
    )
    expect(() =>
      parseVectorCluster(
        manifest({ dimension: 1, redis: { managed: {}, external: { urlSecretRef: { name: 'a', key: 'b' } } } }),
      ),
    ).toThrow(/not both/)
  })

  it.each(['.', '..', '', 'a/b', 'a\\b', 'a\nb', '\ud800', 'x'.repeat(256)])(
    'a collection named %j is refused: no request would reach it',
    (collection) => {
      expect(() => parseVectorCluster(manifest({ dimension: 1, collection }))).toThrow(/spec\.collection/)
      expect(collectionNameFault(collection)).toBeDefined()
    },
  )

  it.each(['...', '.a', 'a b', '%2e', 'ü', '__proto__', 'exists', ' ', '\x7f', '𝔘', '{c}', '#', 'a;b', '&=+', '7'])(
    'a collection named %j is reached by its path as a URL is written, and has a VectorCluster that can be made',
    (collection) => {
      expect(collectionNameFault(collection)).toBeUndefined()
      const { pathname } = new URL(`/collections/${encodeURIComponent(collection)}/points`, 'http://localhost')
      expect(decodeURIComponent(pathname.split('/')[2] as string)).toBe(collection)
      const { metadata } = parseVectorCluster({
        ...manifest({ dimension: 1 }),
        metadata: { name: clusterNameFor(collection) },
      })
      expect(metadata.name).toMatch(/^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$/)
    },
  )

  it('sizes become bytes, and a third of the volume of Redis its memory', () => {
    expect(['1Ki', '2Gi', '3M', '7'].map(parseQuantity)).toEqual([1024, 2 * 1024 ** 3, 3e6, 7])
    expect(redisMemoryBytes(parseVectorCluster(manifest({ dimension: 1 })).spec)).toBe(Math.floor(1024 ** 3 / 3))
  })
})

it('a volume may have any size that Kubernetes can write, from one byte on', () => {
  const parse = (size: unknown) => parseVectorCluster(manifest({ dimension: 1, storage: { size } })).spec.storage.size
  for (const size of ['1.5Gi', '10Pi', '1Ei', '1e9', '0.5Ti', '1073741824']) expect(parse(size)).toBe(size)
  for (const size of ['0', '0.0Gi', '-1Gi', '500m', '1100Pi', 'much', '1GB'])
    expect(() => parse(size), size).toThrow(/spec\.storage\.size/)
})

describe('the memory of a managed Redis', () => {
  const bytesOf = (managed: object, clusters = 1) =>
    redisMemoryBytes(
      parseVectorCluster(manifest({ dimension: 1, clusters, centroids: { sampleSize: 5000 }, redis: { managed } }))
        .spec,
    )
  const limits = (memory: string | number) => ({ resources: { limits: { memory } } })

  it('is a third of the volume or 0.6 of the memory limit, whichever is less', () => {
    const MI = 1024 ** 2
    expect(bytesOf({ storage: { size: '3Gi' }, ...limits('512Mi') })).toBe(Math.floor(0.6 * 512 * MI))
    expect(bytesOf({ storage: { size: '3Gi' }, ...limits('8Gi') })).toBe(1024 * MI)
    expect(bytesOf({ storage: { size: '3Gi' }, resources: { limits: { cpu: 1 } } })).toBe(1024 * MI)
  })

  it('is refused where it cannot hold a batch of writes of each cell', () => {
    expect(() => bytesOf({ storage: { size: '100Mi' } }, 26)).toThrow(/storage\.size must be at least 4Mi for each/)
    expect(() => bytesOf(limits('63Mi'))).toThrow(/limits\.memory must be at least 64Mi/)
    expect(() => bytesOf(limits('70Mi'), 24)).toThrow(/limits\.memory must be at least/)
    expect(bytesOf(limits(64 * 1024 ** 2))).toBeGreaterThan(0)
  })

  it('has no request above a limit, as no container has', () => {
    const resources = { requests: { memory: '4Gi' }, limits: { memory: '2Gi' } }
    expect(() => parseVectorCluster(manifest({ dimension: 1, resources }))).toThrow(/cannot be above its limit/)
    expect(() => bytesOf({ resources })).toThrow(/cannot be above its limit/)
    expect(() => parseVectorCluster(manifest({ dimension: 1, router: { resources } }))).toThrow(/above its limit/)
  })
})

describe('frames', () => {
  it('carry header and chunks unchanged', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(fc.uint8Array({ maxLength: 50 })), (header, chunks) => {
        const back = decoded(encodeFrame(header, chunks))
        expect(back.header).toEqual(JSON.parse(JSON.stringify(header)))
        expect(back.chunks.map((chunk) => [...chunk])).toEqual(chunks.map((chunk) => [...chunk]))
      }),
    )
  })

  it('that are cut short are refused, wherever', () => {
    const bytes = encodeFrame({ a: 1 }, [new Uint8Array(5), new Uint8Array(3)])
    for (let length = 0; length < bytes.length; length++)
      expect(() => decoded(bytes.subarray(0, length))).toThrow(/short/)
  })
})

it('all keys of a collection carry one hash tag', () => {
  const keys = keysOf('default', 'films')
  for (const key of [
    keys.meta,
    keys.gate,
    keys.members,
    keys.centroids,
    keys.lease(3),
    keys.cell(0),
    keys.log(1),
    keys.directory(77),
  ])
    expect(key).toMatch(/^maks:\{default\/films\}:/)
})
