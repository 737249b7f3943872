/** Two VectorClusters of one namespace never have an object of one kind and name, whatever they are called. */
import { describe, expect, it } from 'vitest'
import { seededRandom } from '../../core/random.ts'
import { NAME_MAX, parseVectorCluster, RESERVED_SUFFIXES } from '../../protocol/manifest/vector-cluster.ts'
import type { KubeObject } from '../kube/objects.ts'
import { apiKeySecret, internalSecret } from './config.ts'
import type { BuildContext } from './context.ts'
import { manifests } from './manifests.ts'

const CELLS = 3
const REPLICAS = 2

function contextOf(name: string): BuildContext {
  const cluster = parseVectorCluster({
    apiVersion: 'maksdb.io/v1alpha1',
    kind: 'VectorCluster',
    metadata: { name },
    spec: { dimension: 2, clusters: CELLS, replicas: REPLICAS },
  })
  return {
    cluster,
    uid: name,
    since: 1,
    claimed: true,
    clusters: CELLS,
    image: 'maksdb:1',
    imagePullPolicy: 'Always',
    restartedAt: '',
    apiKeyDigest: '',
    centroidsDigest: '',
    credentials: { known: [], shardsFollow: true },
  }
}

/** Kind and name of everything: what the operator makes, and the pods and claims that its sets make. */
function madeFor(name: string): Set<string> {
  const context = contextOf(name)
  const objects = [
    internalSecret(context),
    apiKeySecret(context),
    ...manifests(
      context,
      Array.from({ length: CELLS }, () => REPLICAS),
    ),
  ]
  const sets = objects.filter(({ kind }) => kind === 'StatefulSet')
  return new Set([...objects.map((object) => `${object.kind}/${object.metadata.name}`), ...sets.flatMap(madeBy)])
}

function madeBy({ metadata, spec }: KubeObject): string[] {
  return Array.from({ length: Number(spec?.replicas) }, (_, ordinal) => [
    `Pod/${metadata.name}-${ordinal}`,
    `PersistentVolumeClaim/data-${metadata.name}-${ordinal}`,
  ]).flat()
}

function shared(a: string, b: string): string[] {
  const others = madeFor(b)
  return [...madeFor(a)].filter((one) => others.has(one))
}

const isReserved = (name: string) => RESERVED_SUFFIXES.some((suffix) => name.endsWith(suffix))

/** Every word that is in a name of ours. */
const WORDS = [
  'films',
  'redis',
  'shards',
  'shard',
  'router',
  'config',
  'internal',
  'api',
  'key',
  'data',
  '0',
  '1',
  '12',
]

describe('names', () => {
  it('of two VectorClusters are never equal, whatever words they are made of', () => {
    const random = seededRandom(6)
    let pairs = 0
    const nameOf = () =>
      ['a', ...Array.from({ length: 1 + Math.floor(random() * 4) }, () => WORDS[Math.floor(random() * WORDS.length)])]
        .join('-')
        .slice(0, NAME_MAX)
        .replace(/-+$/, '')
    for (let i = 0; i < 1500; i++) {
      const first = nameOf()
      // The second is often the first with more words: those are the ones that can meet.
      const second = random() < 0.5 ? nameOf() : `${first}${nameOf().slice(1)}`.slice(0, NAME_MAX).replace(/-+$/, '')
      if (first === second || isReserved(first) || isReserved(second)) continue
      expect(shared(first, second), `${first} and ${second}`).toEqual([])
      pairs++
    }
    expect(pairs).toBeGreaterThan(700)
  })

  it('of one are all different', () => {
    const context = contextOf('films')
    const objects = manifests(context, [2, 2, 2])
    expect(new Set(objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).size).toBe(objects.length)
  })

  it.each(RESERVED_SUFFIXES)('that end in %s are refused because they would meet', (suffix) => {
    expect(shared('films', `films${suffix}`)).toEqual([`Service/films${suffix}`])
  })

  it('that end in any other word of ours do not meet', () => {
    for (const name of madeFor('films')) {
      const other = name.split('/')[1] ?? ''
      if (!other.startsWith('films-') || isReserved(other)) continue
      expect(shared('films', other), other).toEqual([])
    }
  })
})
