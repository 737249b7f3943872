/** What a user may get wrong with a VectorCluster that runs: it goes on, says what is wrong, and heals when it is put right. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sleep } from '../../../runtime/lifecycle.ts'
import { Kubernetes, rest } from '../support/kubernetes.ts'
import { Load } from '../support/load.ts'

const CENTRES = [
  [1, 0],
  [-1, 0],
]
const k = new Kubernetes('mistakes')
const spec = { dimension: 2, clusters: 2, replicas: 2, centroids: {}, storage: { size: '1Gi' } }
/** Beside the operator's own part in what goes on. */
const WATCH_MS = 20_000
/** Redis restarts, and each shard hands over once. */
const GAP_MS = 10_000

beforeAll(async () => {
  await k.start()
  spec.centroids = await k.supplied(CENTRES)
  await k.apply('films', spec)
  await k.settled('films')
})

afterAll(() => k.stop())

async function uids(selector = 'maksdb.io/cluster=films'): Promise<Record<string, string>> {
  const pods = await k.pods(selector)
  return Object.fromEntries(pods.map(({ metadata }) => [metadata.name, metadata.uid ?? '']))
}

async function condition(type: string) {
  const { conditions = [] } = await k.status('films')
  return conditions.find((one) => one.type === type)
}

async function underLoad(what: string, firstId: number, change: () => Promise<unknown>) {
  const load = new Load(await k.endpoint('films'), 'films', CENTRES, firstId)
  await k.until('some writes', 30_000, async () => (load.acknowledged > 50 ? true : undefined))
  await change()
  const before = load.acknowledged
  await k.until('more writes', 60_000, async () => (load.acknowledged > before + 50 ? true : undefined))
  const report = await load.end()
  console.log(`${what}: ${JSON.stringify({ ...report, failedReads: report.failedReads.slice(0, 3) })}`)
  expect(report.lost).toEqual([])
  return report
}

describe('a manifest that cannot be', () => {
  it('with a request above its limit is refused by the API server, and nothing happens', async () => {
    const before = await uids()
    const resources = { requests: { memory: '4Gi' }, limits: { memory: '2Gi' } }
    await expect(k.apply('films', { ...spec, resources })).rejects.toThrow(
      'a request of resources cannot be above its limit',
    )
    expect(await uids()).toEqual(before)
  })

  it('for the StatefulSet alone replaces no pod, reads and writes go on, and the condition has the sentence', async () => {
    const before = await uids()
    const report = await underLoad('a template that is refused', 0, async () => {
      await k.apply('films', { ...spec, nodeSelector: { 'not a label': 'x' } })
      await k.until('the condition', 30_000, async () =>
        (await condition('Degraded'))?.message.includes('nodeSelector') ? true : undefined,
      )
      await sleep(WATCH_MS)
    })
    expect(report.failedReads).toEqual([])
    expect(await uids()).toEqual(before)
    expect((await condition('Ready'))?.status).toBe('True')
    expect((await k.status('films')).disruptions).toBeUndefined()
    console.log(`refused: ${(await condition('Degraded'))?.message}`)
    await k.apply('films', spec)
    await k.settled('films')
    expect(await uids('app.kubernetes.io/component=shard')).toEqual(
      Object.fromEntries(Object.entries(before).filter(([name]) => name.includes('-shard-'))),
    )
  })
})

describe('the Secret with the password of Redis and the token', () => {
  const changed = async () => {
    const shards = Object.values(await uids('app.kubernetes.io/component=shard'))
    return async () => {
      const now = await uids('app.kubernetes.io/component=shard')
      return Object.keys(now).length === 4 && Object.values(now).every((uid) => !shards.includes(uid))
    }
  }
  let backup = ''

  async function healsAfter(what: string, firstId: number, mistake: () => Promise<unknown>): Promise<void> {
    const before = performance.now()
    const report = await underLoad(what, firstId, async () => {
      const replaced = await changed()
      await mistake()
      await k.until('every shard pod to have the new Secret', 300_000, async () =>
        (await replaced()) ? true : undefined,
      )
      await k.settled('films', 300_000)
    })
    console.log(`${what}: healed after ${Math.round((performance.now() - before) / 1000)} s`)
    expect(report.failedReads).toEqual([])
    expect(Math.max(...report.gaps.map(({ maxMs }) => maxMs))).toBeLessThan(GAP_MS)
  }

  it('is deleted: another is made, everything gets it, no read fails, no write is lost', async () => {
    backup = await k.kubectl('get', 'secret', 'films-internal', '-o', 'json')
    await healsAfter('Secret deleted', 1e6, () => k.kubectl('delete', 'secret', 'films-internal'))
    expect(await k.secret('films-internal', 'redis-password')).not.toBe(passwordOf(backup))
  })

  it('is brought back from a backup: the same', async () => {
    const data = JSON.stringify({ data: (JSON.parse(backup) as { data: object }).data })
    await healsAfter('Secret restored', 2e6, () =>
      k.kubectl('patch', 'secret', 'films-internal', '--type=merge', '-p', data),
    )
    const password = await k.secret('films-internal', 'redis-password')
    expect(password).toBe(passwordOf(backup))
    // What was valid in between is no longer.
    await k.until('one password alone', 60_000, async () => {
      const user = await k.kubectl('exec', 'films-redis-0', '--', 'redis-cli', '-a', password, 'ACL', 'LIST')
      return user.split('#').length === 2 ? true : undefined
    })
  })

  function passwordOf(text: string): string {
    const { data } = JSON.parse(text) as { data: Record<string, string> }
    return Buffer.from(data['redis-password'] ?? '', 'base64').toString()
  }
})

describe('a Redis with less memory than its volume would let it have', () => {
  const small = (memory: string) => ({ ...spec, redis: { managed: { resources: { limits: { memory } } } } })
  const FULL_MS = 240_000

  it('refuses writes with 507 before it is killed, says so, and takes them again with more memory', async () => {
    await k.apply('films', small('64Mi'))
    await k.settled('films', 300_000)
    const at = await k.endpoint('films')
    let written = 0
    const refused = await k.until('507', FULL_MS, async () => {
      const answers = await Promise.all([0, 1, 2, 3].map(() => write(at, (written += 1000))))
      return answers.find((answer) => answer.includes(' 507 '))
    })
    console.log(`refused after ${written} points: ${refused.slice(0, 300)}`)
    expect(refused).toContain('WAL_FULL')
    // A log that is cut makes room again: it is full when the points alone fill it.
    const said = await k.until('the condition', FULL_MS, async () => {
      await write(at, (written += 1000))
      const degraded = await condition('Degraded')
      return /^Redis(NearlyFull|Full)$/.test(degraded?.reason ?? '') ? degraded : undefined
    })
    console.log(`full: ${said.reason}: ${said.message}`)
    expect(said.message).toContain('507 WAL_FULL')
    const { count } = await rest<{ count: number }>(at, 'POST', '/collections/films/points/count', { exact: true })
    expect(count).toBeGreaterThan(1000)
    const [pod] = await k.pods('app.kubernetes.io/component=redis')
    const { containerStatuses = [] } = (pod?.status ?? {}) as { containerStatuses?: { restartCount: number }[] }
    expect(containerStatuses.map(({ restartCount }) => restartCount)).toEqual([0])
    await k.apply('films', small('512Mi'))
    await k.settled('films', 300_000)
    expect(await write(at, 9e6)).toBe('')
  })

  /** The refusal, '' where there was none. Ids as long as they may be: it is their directory that cannot be cut. */
  async function write(at: { url: string; apiKey: string }, from: number): Promise<string> {
    const points = Array.from({ length: 1000 }, (_, i) => ({
      id: `${from + i}-`.padEnd(256, 'x'),
      vector: [i % 2 ? 1 : -1, 0.1],
    }))
    return rest(at, 'PUT', '/collections/films/points?wait=false', { points }).then(
      () => '',
      (error: unknown) => String(error),
    )
  }
})
