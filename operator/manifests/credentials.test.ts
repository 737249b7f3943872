import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '../kube/objects.ts'
import { ANNOTATIONS, LABELS } from '../resources.ts'
import { credentialsOf, digestForRouters, digestForShards, redisUser } from './credentials.ts'
import { inputsAnnotation } from './inputs.ts'
import { KEYS } from './names.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const secret = (word: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'films-internal' },
  data: Object.fromEntries(
    [KEYS.redisPassword, KEYS.internalToken].map((key) => [key, Buffer.from(`${word}-${key}`).toString('base64')]),
  ),
})
const configMap = (known: unknown): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'films-config' },
  data: { [KEYS.credentials]: JSON.stringify(known) },
})
const podWith = (component: string, credentials: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: component,
    labels: { [LABELS.component]: component },
    annotations: { [ANNOTATIONS.inputs]: inputsAnnotation({ image: 'a', credentials }) },
  },
})

const first = credentialsOf(secret('a'), undefined, [])
const old = digestForShards(first)

describe('the credentials of a VectorCluster', () => {
  it('are those of its Secret, known by their hashes alone', () => {
    expect(redisUser(first)).toBe(`user default on sanitize-payload ~* &* +@all #${sha256('a-redis-password')}`)
    expect(JSON.stringify(first)).not.toContain('a-redis')
    expect(first.known[0]?.token).toBe(sha256('a-internal-token'))
  })

  it('stay valid when the Secret changes, until every pod has the new ones; routers follow the shards', () => {
    const pods = (redis: string, shard: string, router: string) => [
      podWith('redis', redis),
      podWith('shard', shard),
      podWith('router', router),
    ]
    const changed = credentialsOf(secret('b'), configMap(first.known), pods(old, old, old))
    const now = digestForShards(changed)
    expect(now).not.toBe(old)
    expect(redisUser(changed)).toBe(
      `user default on sanitize-payload ~* &* +@all #${sha256('b-redis-password')} #${sha256('a-redis-password')}`,
    )
    expect(digestForRouters(changed)).toBe(old)
    const shardsDone = credentialsOf(secret('b'), configMap(changed.known), pods(now, now, old))
    expect(digestForRouters(shardsDone)).toBe(now)
    expect(shardsDone.known).toHaveLength(2)
    const done = credentialsOf(secret('b'), configMap(changed.known), pods(now, now, now))
    expect(done.known).toHaveLength(1)
    // A pod that has ended keeps nothing valid.
    const ended = { ...podWith('router', old), status: { phase: 'Failed' } }
    expect(credentialsOf(secret('b'), configMap(changed.known), [...pods(now, now, now), ended]).known).toHaveLength(1)
  })

  it('come back by a backup as they were', () => {
    const pods = [podWith('shard', old)]
    const changed = credentialsOf(secret('b'), configMap(first.known), pods)
    const restored = credentialsOf(secret('a'), configMap(changed.known), [podWith('shard', digestForShards(changed))])
    expect(restored.known.map(({ digest }) => digest)).toEqual([old, digestForShards(changed)])
  })

  it('are those of before while the Secret is missing or not complete, and nobody can log in where there are none', () => {
    expect(credentialsOf(undefined, configMap(first.known), []).known).toEqual(first.known)
    expect(credentialsOf({ ...secret('b'), data: {} }, configMap(first.known), []).known).toEqual(first.known)
    expect(redisUser(credentialsOf(undefined, undefined, []))).toBe('user default off')
  })

  it('are few, however often the Secret changes', () => {
    let known = first.known
    for (let i = 0; i < 10; i++) known = credentialsOf(secret(`s${i}`), configMap(known), [podWith('shard', old)]).known
    expect(known).toHaveLength(4)
    expect(known[0]?.token).toBe(sha256('s9-internal-token'))
  })
})
