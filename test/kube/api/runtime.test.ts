/** The controller runtime against a real API server: each trap of watches, leases and patches, sprung on purpose. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Connection } from '../../../operator/kube/connection.ts'
import { EVENTS, EventRecorder } from '../../../operator/kube/event-recorder.ts'
import { KubeClient } from '../../../operator/kube/kube-client.ts'
import { KubeError } from '../../../operator/kube/kube-error.ts'
import { LEASES, LeaderElection } from '../../../operator/kube/leader-election.ts'
import { type KubeList, type KubeObject, pathOf } from '../../../operator/kube/objects.ts'
import { Reflector } from '../../../operator/kube/reflector.ts'
import { sleep } from '../../../runtime/lifecycle.ts'
import { until } from '../../../runtime/until.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { ApiServer, namespace } from '../support/api-server.ts'
import { CONFIG_MAPS, NAMESPACES } from '../support/resources.ts'

const logger = pino({ level: 'silent' })
let server: ApiServer
let client: KubeClient
let bookmarks: Promise<string[]>

beforeAll(async () => {
  server = await ApiServer.start()
  client = server.client()
  bookmarks = listenForBookmarks()
  bookmarks.catch(() => undefined)
})
/** The API server sends them about once a minute, so this one listens while the others work. */
async function listenForBookmarks(): Promise<string[]> {
  const at = await namespace(client, 'bookmarks')
  const { metadata } = await client.list(CONFIG_MAPS, { namespace: at })
  const types: string[] = []
  const options = { namespace: at, resourceVersion: metadata.resourceVersion, timeoutSeconds: 90, silenceMs: 150_000 }
  for await (const { type } of client.watch(CONFIG_MAPS, options, new AbortController().signal)) {
    types.push(type)
    if (type === 'BOOKMARK') break
  }
  return types
}

afterAll(async () => {
  await client.connection.close()
  await server.stop()
})

function configMap(name: string, at: string, data: Record<string, string> = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: at }, data }
}

/** A reflector of ConfigMaps behind a proxy, running. */
async function follow(at: string, options: object = {}) {
  const proxy = await FaultProxy.start(server.port)
  const path = join(server.folder, `proxied-${proxy.port}`)
  writeFileSync(path, readFileSync(server.kubeconfig, 'utf8').replace(`:${server.port}`, `:${proxy.port}`))
  const proxied = new KubeClient(Connection.fromFile(path))
  const restarts: string[] = []
  const misses: string[] = []
  const changes: string[] = []
  const reflector = new Reflector(
    proxied,
    CONFIG_MAPS,
    { namespace: at, ...options },
    {
      onRestart: (reason) => restarts.push(reason),
      onMiss: (key) => misses.push(key),
      onChange: ({ metadata }, isGone) => changes.push(`${isGone ? '-' : '+'}${metadata.name}`),
    },
  )
  const stop = new AbortController()
  const running = reflector.run(stop.signal)
  const end = async () => {
    stop.abort()
    await running
    await proxied.connection.close()
    proxy.close()
  }
  return { reflector, proxy, restarts, misses, changes, end }
}

describe('calls', () => {
  it('share their connections', async () => {
    let opened = 0
    const own = server.client({}, () => opened++)
    for (let i = 0; i < 200; i++) await own.get(NAMESPACES, { name: 'default' })
    await own.connection.close()
    // A second one where the first is not yet known to be free again; never one for each call.
    expect(opened).toBeLessThanOrEqual(2)
  })

  it('fail in one shape, with the reason and the sentence of the server', async () => {
    await expect(client.get(CONFIG_MAPS, { namespace: 'default', name: 'none' })).rejects.toMatchObject({
      status: 404,
      reason: 'NotFound',
      message: 'configmaps "none" not found',
    })
    const nowhere = new KubeClient(Connection.fromFile(server.kubeconfig))
    await nowhere.connection.close()
    const invalid = configMap('Not_A_Name', 'default')
    await expect(client.create(CONFIG_MAPS, invalid)).rejects.toMatchObject({ status: 422, reason: 'Invalid' })
  })

  it('read their credentials anew after a 401', async () => {
    const config = JSON.parse(readFileSync(server.kubeconfig, 'utf8')) as {
      users: { user: { token?: string; 'auth-provider'?: unknown } }[]
    }
    const [user] = config.users
    if (!user) throw new Error('no user')
    const token = user.user.token as string
    const file = join(server.folder, 'token')
    // As in a pod, where the kubelet renews the file.
    user.user = { 'auth-provider': { name: 'tokenFile', config: { tokenFile: file } } }
    const path = join(server.folder, 'with-token-file')
    writeFileSync(path, JSON.stringify(config))
    writeFileSync(file, token)
    const rotating = new KubeClient(Connection.fromFile(path))
    await rotating.list(NAMESPACES)
    writeFileSync(file, 'stale')
    await rotating.connection.credentials(true)
    await expect(rotating.list(NAMESPACES)).rejects.toMatchObject({ status: 401 })
    writeFileSync(file, token)
    await rotating.list(NAMESPACES)
    await rotating.connection.close()
  })

  it('apply what they declare and leave what others own', async () => {
    const at = await namespace(client, 'applied')
    await client.apply(CONFIG_MAPS, configMap('shared', at, { ours: '1' }), 'us')
    await client.apply(CONFIG_MAPS, configMap('shared', at, { theirs: '2' }), 'them')
    await client.apply(CONFIG_MAPS, configMap('shared', at, { mine: '3' }), 'us')
    expect((await client.get(CONFIG_MAPS, { namespace: at, name: 'shared' })).data).toEqual({ theirs: '2', mine: '3' })
  })

  it('delete by uid: a namesake that was made meanwhile stays', async () => {
    const at = await namespace(client, 'deleted')
    const first = await client.create(CONFIG_MAPS, configMap('one', at))
    await client.delete(CONFIG_MAPS, first)
    await client.create(CONFIG_MAPS, configMap('one', at))
    await client.delete(CONFIG_MAPS, first)
    await client.get(CONFIG_MAPS, { namespace: at, name: 'one' })
  })
})

describe('a copy', () => {
  it('of 1,200 objects arrives in pages, without the fields that nobody reads', async () => {
    const at = await namespace(client, 'pages')
    for (let i = 0; i < 1200; i += 100)
      await Promise.all(Array.from({ length: 100 }, (_, n) => client.create(CONFIG_MAPS, configMap(`m-${i + n}`, at))))
    const { reflector, end } = await follow(at)
    await reflector.synced
    const names = Array.from({ length: 1200 }, (_, n) => `m-${n}`)
    const copies = names.flatMap((name) => reflector.get(`${at}/${name}`) ?? [])
    expect([reflector.size, copies.length]).toEqual([1200, 1200])
    expect(copies.every(({ metadata }) => metadata.managedFields === undefined)).toBe(true)
    await end()
  })

  it('goes on after a reset, and misses nothing', async () => {
    const at = await namespace(client, 'reset')
    const { reflector, proxy, changes, misses, end } = await follow(at)
    await reflector.synced
    for (let i = 0; i < 5; i++) {
      proxy.cut()
      await client.create(CONFIG_MAPS, configMap(`m-${i}`, at))
      await until(`m-${i}`, () => reflector.get(`${at}/m-${i}`) !== undefined)
    }
    await client.delete(CONFIG_MAPS, await client.get(CONFIG_MAPS, { namespace: at, name: 'm-0' }))
    await until('the end of m-0', () => reflector.get(`${at}/m-0`) === undefined)
    expect(changes).toEqual(['+m-0', '+m-1', '+m-2', '+m-3', '+m-4', '-m-0'])
    expect(misses).toEqual([])
    await end()
  })

  it('gives up a connection that has fallen silent, and finds what happened meanwhile', async () => {
    const at = await namespace(client, 'silent')
    const { reflector, proxy, restarts, end } = await follow(at, { silenceMs: 2000 })
    await reflector.synced
    await sleep(300)
    proxy.fallSilent()
    await client.create(CONFIG_MAPS, configMap('unheard', at))
    await until('the object', () => reflector.get(`${at}/unheard`) !== undefined)
    expect(restarts).toContain('Silent')
    await end()
  })

  it('is kept fresh by bookmarks where nothing happens', async () => {
    expect(await bookmarks).toContain('BOOKMARK')
  })

  it('counts a change that the watch should have told and did not', async () => {
    const at = await namespace(client, 'missed')
    const { reflector, misses, changes, end } = await follow(at, { relistMs: 1500 })
    await reflector.synced
    await client.create(CONFIG_MAPS, configMap('told', at))
    await sleep(4000)
    // Three lists later nothing was missed, and nothing was told twice.
    expect(misses).toEqual([])
    expect(changes).toEqual(['+told'])
    await end()
  })
})

describe('the lease', () => {
  const times = { leaseMs: 3000, renewDeadlineMs: 2000, retryMs: 300 }
  const elect = (name: string, who: string) =>
    new LeaderElection(client, { namespace: 'default', name }, who, logger, times)

  it('has one holder; another takes it when it is given back, at once', async () => {
    const [first, second] = [elect('given', 'a'), elect('given', 'b')]
    const stop = new AbortController()
    expect(await first.acquire(stop.signal)).toBe(true)
    const holding = first.hold(stop.signal)
    let acquired = false
    const waiting = second.acquire(new AbortController().signal).then(() => {
      acquired = true
    })
    await sleep(4000)
    expect(acquired).toBe(false)
    const { spec } = await client.get(LEASES, { namespace: 'default', name: 'given' })
    expect(spec).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 3 })
    stop.abort()
    expect(await holding).toBe(false)
    const released = performance.now()
    await waiting
    expect(performance.now() - released).toBeLessThan(times.leaseMs)
  })

  it('of a holder that is gone without a word is taken after its time, not before', async () => {
    const stop = new AbortController()
    expect(await elect('crashed', 'a').acquire(stop.signal)).toBe(true)
    const started = performance.now()
    expect(await elect('crashed', 'b').acquire(stop.signal)).toBe(true)
    expect(performance.now() - started).toBeGreaterThan(times.leaseMs - 50)
  })

  it('is lost for a holder that cannot renew it', async () => {
    const holder = elect('lost', 'a')
    const stop = new AbortController()
    await holder.acquire(stop.signal)
    const holding = holder.hold(stop.signal)
    const lease = await client.get(LEASES, { namespace: 'default', name: 'lost' })
    await client
      .call('PUT', pathOf(LEASES, { namespace: 'default', name: 'lost' }), {
        body: { ...lease, spec: { ...lease.spec, holderIdentity: 'thief' } },
      })
      .catch(async () => {
        const again = await client.get(LEASES, { namespace: 'default', name: 'lost' })
        await client.call('PUT', pathOf(LEASES, { namespace: 'default', name: 'lost' }), {
          body: { ...again, spec: { ...again.spec, holderIdentity: 'thief' } },
        })
      })
    expect(await holding).toBe(true)
  })
})

it('events carry the object that they speak of, and the same sentence once', async () => {
  const at = await namespace(client, 'events')
  const about = await client.create(CONFIG_MAPS, configMap('subject', at))
  const events = new EventRecorder(client, 'maksdb.io/test', 'test', logger)
  const text = { type: 'Warning' as const, reason: 'Tested', action: 'Test', note: 'it was tested' }
  await events.record({ ...about, apiVersion: 'v1', kind: 'ConfigMap' }, text)
  await events.record({ ...about, apiVersion: 'v1', kind: 'ConfigMap' }, text)
  const { items } = await client.list(EVENTS, { namespace: at })
  expect(items).toHaveLength(1)
  expect(items[0]).toMatchObject({
    reason: 'Tested',
    note: 'it was tested',
    regarding: { kind: 'ConfigMap', name: 'subject' },
  })
})

describe('after the API server has forgotten the past, a copy', () => {
  it('lists anew when its version is gone', async () => {
    const at = await namespace(client, 'expired')
    await client.create(CONFIG_MAPS, configMap('old', at))
    await server.compact()
    await server.stopServer()
    await server.startServer()
    const { reflector, restarts, end } = await follow(at, { resumeFrom: '1', relistMs: 600_000 })
    await until('the list', () => reflector.get(`${at}/old`) !== undefined)
    await end()
    expect(restarts.filter((reason) => reason !== 'Expired' && reason !== 'Gone')).toEqual([])
  })

  it('is told 410 by a page whose list has expired, and begins again', async () => {
    const at = await namespace(client, 'token')
    for (let i = 0; i < 4; i++) await client.create(CONFIG_MAPS, configMap(`m-${i}`, at))
    const page = await client.call<KubeList>('GET', pathOf(CONFIG_MAPS, { namespace: at }), { query: { limit: '2' } })
    await client.create(CONFIG_MAPS, configMap('later', at))
    await server.compact()
    // The server's own memory of old lists goes with its process.
    await server.stopServer()
    await server.startServer()
    const next = client.call('GET', pathOf(CONFIG_MAPS, { namespace: at }), {
      query: { limit: '2', continue: page.metadata.continue },
    })
    const error = await next.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(KubeError)
    expect((error as KubeError).expired).toBe(true)
  })
})
