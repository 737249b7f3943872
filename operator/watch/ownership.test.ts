import { describe, expect, it } from 'vitest'
import type { KubeObject, OwnerReference } from '../kube/objects.ts'
import { labelsOf } from '../manifests/context.ts'
import { isClaimOf, isOwnedBy, isPodOf, notOursText } from './ownership.ts'

const cluster: KubeObject = {
  apiVersion: 'maksdb.io/v1alpha1',
  kind: 'VectorCluster',
  metadata: { name: 'films', namespace: 'ns', uid: 'u1' },
}
const reference = (over: Partial<OwnerReference> = {}): OwnerReference => ({
  apiVersion: cluster.apiVersion,
  kind: cluster.kind,
  name: 'films',
  uid: 'u1',
  controller: true,
  ...over,
})
function object(kind: string, name: string, labels: Record<string, string>, owner?: OwnerReference): KubeObject {
  return { apiVersion: 'v1', kind, metadata: { name, labels, ...(owner ? { ownerReferences: [owner] } : {}) } }
}

describe('an object is ours', () => {
  const labels = labelsOf('films', 'router')
  it('by the uid of its controller', () => {
    expect(isOwnedBy(object('Service', 'films', {}, reference()), 'u1')).toBe(true)
  })

  it.each([
    ['its name and its labels', undefined],
    ['the uid of a namesake', reference({ uid: 'u0' })],
    ['an owner that is not its controller', reference({ controller: false })],
  ])('not by %s', (_what, owner) => {
    expect(isOwnedBy(object('Service', 'films', labels, owner), 'u1')).toBe(false)
  })

  it('or else a sentence says whose it is and what to do', () => {
    const textFor = (one: KubeObject) => notOursText(one, cluster)
    expect(textFor(object('Service', 'films', labels))).toBe(
      'Service films exists and does not belong to this VectorCluster: it has no controller reference to this VectorCluster. Remove it, or give the VectorCluster another name',
    )
    expect(textFor(object('Service', 'films', {}, reference({ name: 'other', uid: 'u2' })))).toContain(
      'it belongs to VectorCluster other.',
    )
    expect(textFor(object('Service', 'films', {}, reference({ uid: 'u0' })))).toContain('an earlier VectorCluster')
    expect(textFor(object('Secret', 'films-api-key', {}))).toContain('Name it in spec.auth.secretRef')
  })
})

describe('a pod is of a VectorCluster', () => {
  const shard = labelsOf('films', 'shard', 1)
  const by = (kind: string, name: string) => reference({ apiVersion: 'apps/v1', kind, name, uid: 's1' })
  it.each([
    ['made by its set', object('Pod', 'films-shard-1-0', shard, by('StatefulSet', 'films-shard-1'))],
    ['let go by its set', object('Pod', 'films-shard-1-0', shard)],
    ['of Redis', object('Pod', 'films-redis-0', labelsOf('films', 'redis'), by('StatefulSet', 'films-redis'))],
    ['a router', object('Pod', 'films-router-6f-x', labelsOf('films', 'router'), by('ReplicaSet', 'films-router-6f'))],
  ])('%s', (_what, pod) => {
    expect(isPodOf(pod, 'films')).toBe(true)
  })

  it.each([
    ['has only the labels', object('Pod', 'debug', shard)],
    ['another set has made', object('Pod', 'films-shard-1-0', shard, by('StatefulSet', 'theirs'))],
    ['has a name that only begins like one', object('Pod', 'films-shard-1-0-debug', shard)],
    ['runs by itself as a router', object('Pod', 'films-router-6f-x', labelsOf('films', 'router'))],
  ])('not one that %s', (_what, pod) => {
    expect(isPodOf(pod, 'films')).toBe(false)
  })
})

it('a claim is of a set by the labels that the set gives it, all of them', () => {
  const set = object('StatefulSet', 'films-shard-1', labelsOf('films', 'shard', 1))
  const claim = (labels: Record<string, string>) => object('PersistentVolumeClaim', 'data-films-shard-1-0', labels)
  expect(isClaimOf(claim(labelsOf('films', 'shard', 1)), set)).toBe(true)
  expect(isClaimOf(claim(labelsOf('films', 'shard', 2)), set)).toBe(false)
  expect(isClaimOf(claim(labelsOf('other', 'shard', 1)), set)).toBe(false)
  expect(isClaimOf(claim({}), set)).toBe(false)
})
