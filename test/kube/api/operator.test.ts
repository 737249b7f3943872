/** The operator against a real API server: killed at every write, twice at once, and with nothing to do. */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { KubeClient } from '../../../operator/kube/kube-client.ts'
import {
  OWNED,
  OWNED_SELECTOR,
  PODS,
  STATUS_MANAGER,
  VECTOR_CLUSTERS,
  VOLUME_CLAIMS,
} from '../../../operator/resources.ts'
import { sleep } from '../../../runtime/lifecycle.ts'
import { until } from '../../../runtime/until.ts'
import { ApiServer, namespace } from '../support/api-server.ts'
import { manifest, operateUntilSteady } from '../support/operate.ts'
import { PlayedKubernetes } from '../support/played-kubernetes.ts'
import { STORAGE_CLASSES } from '../support/resources.ts'

let server: ApiServer
let client: KubeClient

beforeAll(async () => {
  server = await ApiServer.start()
  client = server.client()
  await client.create(STORAGE_CLASSES, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'grows' },
    provisioner: 'test',
    allowVolumeExpansion: true,
  })
  await server.installCrd(client)
})
afterAll(async () => {
  await client.connection.close()
  await server.stop()
})

function operate(at: string, key: string, dieAt?: number, when?: 'before' | 'after') {
  return operateUntilSteady(server, at, key, dieAt === undefined ? {} : { dieAt, ...(when ? { when } : {}) })
}

/** The name of the namespace is in addresses, and so in digests of them; keys are random, and each uid is another. */
function sameEverywhere(text: string, at: string): string {
  return text
    .replaceAll(at, 'NAMESPACE')
    .replaceAll(/(\\"uid\\": \\")[^"\\]+|(\\"since\\": )\d+/g, '$1$2')
    .replaceAll(/((?:configuration|redis|apiKeys|credentials|digest)[\\": ]+)[0-9a-f]{12}/g, '$1DIGEST')
    .replaceAll(/[0-9a-f]{64}/g, 'HASH')
}

/** Everything of a namespace that the operator decides, without what differs from run to run. */
async function picture(at: string): Promise<Record<string, unknown>> {
  const lists = await Promise.all(
    [...Object.values(OWNED), PODS, VOLUME_CLAIMS].map((resource) =>
      client.list(resource, { namespace: at, labelSelector: OWNED_SELECTOR }),
    ),
  )
  const objects = lists.flatMap(({ items }) => items)
  return Object.fromEntries(
    objects.map(({ kind, metadata, spec, data }) => {
      const { clusterIP: _, clusterIPs: __, ...rest } = spec ?? {}
      const content =
        kind === 'Secret' ? Object.keys(data ?? {}) : kind === 'Pod' ? metadata.annotations : { ...rest, data }
      return [`${kind}/${metadata.name}`, JSON.parse(sameEverywhere(JSON.stringify(content), at)) as unknown]
    }),
  )
}

const FIRST = { clusters: 2, replicas: 2, storage: { size: '1Gi', storageClassName: 'grows' } }
/** Other resources, one more replica, larger volumes: every kind of write that a change can bring. */
const THEN = {
  ...FIRST,
  replicas: 3,
  storage: { size: '2Gi', storageClassName: 'grows' },
  resources: { requests: { cpu: '10m' } },
}

describe('an operator that is killed at a write', () => {
  /** Of each manifest, what an operator that is not killed writes and leaves. */
  const whole: { spec: object; writes: number; ends: Record<string, unknown> }[] = []

  beforeAll(async () => {
    const at = await namespace(client, 'whole')
    for (const spec of [FIRST, THEN]) {
      await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', spec), 'test')
      const { writes } = await operate(at, 'whole/films')
      whole.push({ spec, writes, ends: await picture(at) })
    }
  })

  it('leaves, when it is not killed, what the manifest asks for', () => {
    const [first = {}, second = {}] = whole.map(({ ends }) => ends)
    expect(Object.keys(first).filter((name) => name.startsWith('StatefulSet'))).toHaveLength(3)
    expect(Object.keys(first).filter((name) => name.startsWith('Pod/'))).toHaveLength(5)
    expect(Object.keys(second).filter((name) => name.startsWith('Pod/'))).toHaveLength(7)
    expect(JSON.stringify(second['PersistentVolumeClaim/data-films-shard-1-1'])).toContain('2Gi')
    expect(JSON.stringify(second['StatefulSet/films-shard-1'])).toContain('2Gi')
    expect(whole.every(({ writes }) => writes > 15)).toBe(true)
  })

  it.each(['before', 'after'] as const)(
    'converges all the same, whichever write it was (%s it)',
    { timeout: 420_000 },
    async (when) => {
      let kills = 0
      // The first manifest and the second one in the same namespace: what the first leaves is what the second begins with.
      const walk = async (n: number) => {
        const at = await namespace(client, `kill-${when}-${n}`)
        const key = `${at}/films`
        for (const { spec, writes, ends } of whole) {
          await client.apply(VECTOR_CLUSTERS, manifest(at, 'films', spec), 'test')
          const uids = await claimsOf(at)
          if (n <= writes && (await operate(at, key, n, when)).dead) kills++
          await operate(at, key)
          expect(await picture(at), `killed ${when} write ${n} of ${JSON.stringify(spec)}`).toEqual(ends)
          // No claim was ever deleted.
          for (const [name, uid] of Object.entries(uids)) expect((await claimsOf(at))[name]).toBe(uid)
          // No Redis runs here, and a busy machine may not reach it for another reason than before: the status says so.
          const { written } = await operate(at, key)
          expect(written.filter((write) => !write.endsWith('/status'))).toEqual([])
        }
      }
      const counts = whole.map(({ writes }) => writes)
      const WORKERS = 8
      const queue = Array.from({ length: Math.max(...counts) }, (_, n) => n + 1).values()
      await Promise.all(
        Array.from({ length: WORKERS }, async () => {
          for (const one of queue) await walk(one)
        }),
      )
      const all = counts.reduce((sum, count) => sum + count)
      console.log(`killed ${when} ${kills} writes of ${all}`)
      expect(kills).toBeGreaterThan(all * 0.8)
    },
  )

  async function claimsOf(at: string): Promise<Record<string, string>> {
    const { items } = await client.list(VOLUME_CLAIMS, { namespace: at })
    return Object.fromEntries(items.map(({ metadata }) => [metadata.name, metadata.uid ?? '']))
  }
})

it('the status belongs to the operator, the rest to whoever wrote it', async () => {
  const { metadata } = await client.call('GET', '/apis/maksdb.io/v1alpha1/namespaces/whole/vectorclusters/films')
  const ours = (metadata.managedFields ?? []).filter(({ manager }) => manager.startsWith('maksdb'))
  expect(ours.map(({ manager, subresource }) => [manager, subresource])).toEqual([[STATUS_MANAGER, 'status']])
})

describe('the process', () => {
  const children: ChildProcess[] = []
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
  })

  async function start(port: number): Promise<ChildProcess> {
    const child = spawn(process.execPath, ['operator/main.ts'], {
      env: {
        ...process.env,
        KUBECONFIG: server.kubeconfig,
        MAKSDB_IMAGE: 'maksdb:test',
        MAKSDB_ADMIN_PORT: String(port),
        MAKSDB_WATCH_NAMESPACES: 'idle',
        MAKSDB_RUN_FILE: join(mkdtempSync(join(server.folder, 'run-')), 'run.json'),
        MAKSDB_LOG_LEVEL: 'error',
      },
      stdio: 'inherit',
    })
    children.push(child)
    await until('the operator', () =>
      fetch(`http://127.0.0.1:${port}/livez`).then(
        ({ ok }) => ok,
        () => false,
      ),
    )
    return child
  }

  async function measured(
    port: number,
  ): Promise<{ leads: boolean; writes: number; handshakes: number; misses: number }> {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    const sum = (pattern: RegExp) => [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0)
    return {
      leads: sum(/^maksdb_operator_leader\{[^}]*\} (\d+)$/gm) === 1,
      // The renewals of the lease are PUTs; nothing else is.
      writes: sum(/^maksdb_operator_api_requests_total\{verb="(?:POST|PATCH|DELETE)",[^}]*\} (\d+)$/gm),
      handshakes: sum(/^maksdb_operator_tls_handshakes_total\{[^}]*\} (\d+)$/gm),
      misses: sum(/^maksdb_operator_cache_misses_total\{[^}]*\} (\d+)$/gm),
    }
  }

  it('with 20 VectorClusters and nothing to do writes nothing for a minute and opens no connection; a second one waits, and takes over', async () => {
    const at = await namespace(client, 'idle')
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        client.apply(VECTOR_CLUSTERS, manifest(at, `films-${i}`, { replicas: 2 }), 'test'),
      ),
    )
    const first = await start(17_102)
    await start(17_103)
    const played = new PlayedKubernetes(client, at)
    await until(
      'all pods',
      async () => {
        await played.play()
        return (await client.list(PODS, { namespace: at })).items.length === 60
      },
      120_000,
    )
    // Until two looks, five seconds apart, see the same.
    for (let last = -1; ; ) {
      const { writes } = await measured(17_102)
      if (writes === last) break
      last = writes
      await sleep(5000)
    }
    const before = await measured(17_102)
    await sleep(60_000)
    const after = await measured(17_102)
    expect(after.writes - before.writes).toBe(0)
    expect(after.handshakes - before.handshakes).toBe(0)
    expect(after.misses).toBe(0)
    expect([before.leads, (await measured(17_103)).leads]).toEqual([true, false])
    expect((await measured(17_103)).writes).toBe(0)
    first.kill('SIGKILL')
    await client.delete(OWNED.Service, await client.get(OWNED.Service, { namespace: at, name: 'films-3' }))
    await until('the second to repair it', () =>
      client.get(OWNED.Service, { namespace: at, name: 'films-3' }).then(
        () => true,
        () => false,
      ),
    )
    expect((await measured(17_103)).leads).toBe(true)
  })
})
