/** What a new user does: apply the samples, look, write and search; and what the chart itself offers. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { QdrantClient } from '@qdrant/js-client-rest'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { Kubernetes } from '../support/kubernetes.ts'
import { archiveOf, unpackedBytes } from './image.ts'

const k = new Kubernetes('install')
const operator = new Kubernetes('maksdb-system')

beforeAll(() => k.start())
afterAll(async () => {
  await k.stop()
  await operator.client.connection.close()
})

async function clientOf(name: string): Promise<QdrantClient> {
  const { host, apiKey } = await k.endpoint(name)
  return new QdrantClient({ host, port: 6333, apiKey, https: false, checkCompatibility: false })
}

const SAMPLES: [file: string, name: string, dimension: number, clusters: number, pods: number][] = [
  ['minimal', 'minimal', 4, 1, 1],
  ['production', 'production', 128, 4, 8],
  ['supplied-centroids', 'compass', 2, 4, 4],
]

describe('the sample', () => {
  // All at once: each mostly waits for its pods, and for the operator to look at its points.
  beforeAll(async () => {
    for (const [file] of SAMPLES) await k.kubectl('apply', '-f', `crds/samples/${file}.yaml`)
  })
  it.each(SAMPLES)(
    '%s becomes ready, takes points and gives them back through its Service',
    async (_file, name, dimension, _clusters, pods) => {
      await k.kubectl('wait', `vc/${name}`, '--for=condition=Ready', '--timeout=180s')
      await k.settled(name)
      const client = await clientOf(name)
      const points = Array.from({ length: 200 }, (_, id) => ({
        id,
        vector: Array.from({ length: dimension }, (__, i) => Math.sin(id + i)),
        payload: { id },
      }))
      await client.upsert(name, { wait: true, points })
      const found = await client.query(name, { query: points[42]?.vector as number[], limit: 1, with_payload: true })
      expect(found.points[0]).toMatchObject({ id: 42, payload: { id: 42 } })
      expect((await client.count(name, { exact: true })).count).toBe(200)
      expect(await k.pods(`maksdb.io/cluster=${name},app.kubernetes.io/component=shard`)).toHaveLength(pods)
    },
  )
})

// The operator counts points every thirty seconds. Meanwhile comes what asks no sample.
describe('the chart', () => {
  it('"helm test" writes and reads', async () => {
    const output = await operator.helm('test', 'maksdb', '--timeout', '300s', '--logs')
    expect(output).toContain('Phase:          Succeeded')
  })
})

it('speaks HTTPS with the certificate of the Secret that the manifest names', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'maksdb-tls-'))
  const files = { key: join(folder, 'tls.key'), crt: join(folder, 'tls.crt') }
  const subject = ['-subj', '/CN=secure', '-addext', 'subjectAltName=DNS:secure.install.svc']
  spawnSync('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '1',
    ...subject,
    '-keyout',
    files.key,
    '-out',
    files.crt,
  ])
  await k.kubectl('create', 'secret', 'tls', 'certificate', `--cert=${files.crt}`, `--key=${files.key}`)
  await k.apply('secure', { dimension: 2, tls: { secretRef: { name: 'certificate' } } })
  const { endpoint } = await k.settled('secure')
  expect(endpoint).toBe('https://secure.install.svc:6333')
  const { host, apiKey } = await k.endpoint('secure')
  const dispatcher = new Agent({ connect: { ca: readFileSync(files.crt, 'utf8'), servername: 'secure.install.svc' } })
  const answer = await request(`https://${host}:6333/collections`, { dispatcher, headers: { 'api-key': apiKey } })
  expect(answer.statusCode).toBe(200)
  await answer.body.dump()
  await dispatcher.close()
  rmSync(folder, { recursive: true, force: true })
  await k.kubectl('delete', 'vc', 'secure', '--wait=false')
})

describe('the sample', () => {
  // What follows asks the first one alone, and twenty idle pods take half a processor.
  afterAll(async () => {
    for (const [, name] of SAMPLES.slice(1)) await k.kubectl('delete', 'vc', name, '--wait=false')
  })

  it.each(SAMPLES)('%s has the columns that were promised', async (_file, name, _dimension, clusters) => {
    await k.until('the points to be counted', 60_000, async () =>
      (await k.status(name)).points === 200 ? true : undefined,
    )
    const [header = '', line = ''] = (await k.kubectl('get', 'vc', name)).split('\n')
    expect(header.split(/\s+/).filter((word) => word !== '')).toEqual([
      'NAME',
      'READY',
      'CLUSTERS',
      'PRIMARIES',
      'POINTS',
      'AGE',
    ])
    expect(line).toMatch(new RegExp(`^${name} +True +${clusters} +${clusters}/${clusters} +200 +`))
  })

  it.each(SAMPLES)('%s tells its story in events', async (_file, name) => {
    const story = await k.kubectl('describe', 'vc', name)
    for (const part of [
      `StatefulSet ${name}-shard-0 created`,
      `Deployment ${name}-router created`,
      'shard 0 is led by',
      'reads and writes are served',
    ])
      expect(story).toContain(part)
  })
})

/** Of the image as one machine unpacks it, and of the archive that goes over a network. */
const IMAGE_BYTES_MAX = 350e6
const ARCHIVE_BYTES_MAX = 150e6

describe('the image', () => {
  it('is small: no command line, no compiler, no package manager, and nothing twice in two layers', async (context) => {
    if (!inject('cluster').own) {
      context.skip('the image of a cluster of your own is not at hand')
      return
    }
    expect(statSync(archiveOf(k.image)).size).toBeLessThan(ARCHIVE_BYTES_MAX)
    expect(await unpackedBytes(k.image)).toBeLessThan(IMAGE_BYTES_MAX)
  })
})

describe('what is made', () => {
  it('passes the restricted profile of pod security: its namespace enforces it', async () => {
    await k.kubectl('label', 'namespace', 'install', 'pod-security.kubernetes.io/enforce=restricted', '--overwrite')
    await k.kubectl('delete', 'pod', '-l', 'maksdb.io/cluster=minimal')
    await k.settled('minimal')
  })

  it('keeps creating and dropping collections to kubectl, and says how', async () => {
    const client = await clientOf('minimal')
    const refusal = (error: RegExp) => ({
      status: 403,
      data: { status: { error: expect.stringMatching(error) as string } },
    })
    await expect(client.createCollection('other', { vectors: { size: 4, distance: 'Euclid' } })).rejects.toMatchObject(
      refusal(/apply this manifest with kubectl apply -f: .*VectorCluster.*other.*4/s),
    )
    await expect(client.deleteCollection('minimal')).rejects.toMatchObject(
      refusal(/run: kubectl delete vc minimal -n install/),
    )
  })

  it('lets nobody in without a key, and the read-only key write nothing', async () => {
    const { url } = await k.endpoint('minimal')
    expect((await fetch(`${url}/collections`)).status).toBe(401)
    const readOnly = await k.secret('minimal-api-key', 'read-only-api-key')
    const headers = { 'api-key': readOnly, 'content-type': 'application/json' }
    expect((await fetch(`${url}/collections`, { headers })).status).toBe(200)
    const body = JSON.stringify({ points: [{ id: 1, vector: [1, 2, 3, 4] }] })
    expect((await fetch(`${url}/collections/minimal/points`, { method: 'PUT', headers, body })).status).toBe(403)
  })

  it('can be scaled by what scales: the subresource carries replicas and selector', async () => {
    await k.kubectl('scale', 'vc/minimal', '--replicas=2')
    await k.until('two pods', 120_000, async () =>
      (await k.status('minimal')).shards?.[0]?.readyReplicas === 2 ? true : undefined,
    )
    const { selector = '' } = await k.status('minimal')
    expect(await k.pods(selector)).toHaveLength(2)
  })
})

describe('as a user that a platform gives', () => {
  const uid = 1_000_660_000

  it.concurrent.each([
    ['guest', { podSecurityContext: { runAsUser: uid, runAsGroup: 0, fsGroup: uid } }, String(uid)],
    ['unnamed', { podSecurityContext: {} }, '10001'],
  ])('the VectorCluster "%s" writes, restarts from its volumes and reads', async (name, security, user) => {
    await k.apply(name, { dimension: 2, replicas: 2, ...security })
    await k.settled(name)
    const client = await clientOf(name)
    await client.upsert(name, { wait: true, points: [{ id: 1, vector: [1, 0] }] })
    for (const pod of [`${name}-shard-0-0`, `${name}-redis-0`, `deploy/${name}-router`]) {
      expect((await k.kubectl('exec', pod, '--', 'id', '-u')).trim(), pod).toBe(user)
      expect((await k.kubectl('exec', pod, '--', 'sh', '-c', 'echo $HOME')).trim(), pod).toBe('/tmp')
    }
    await k.kubectl('delete', 'pod', '-l', `maksdb.io/cluster=${name}`)
    await k.settled(name)
    expect((await (await clientOf(name)).count(name, { exact: true })).count).toBe(1)
    await k.kubectl('delete', `vc/${name}`)
  })

  it('the operator runs too, and its test passes', async () => {
    const set = ['podSecurityContext.runAsUser', 'podSecurityContext.fsGroup'].map((path) => `${path}=${uid}`).join(',')
    const upgrade = (...args: string[]) =>
      operator.helm('upgrade', 'maksdb', 'helm/maksdb', ...operator.imageValues, '--wait', '--timeout', '120s', ...args)
    await upgrade('--set', `${set},podSecurityContext.runAsGroup=0`)
    expect((await operator.kubectl('exec', 'deploy/maksdb-operator', '--', 'id', '-u')).trim()).toBe(String(uid))
    await operator.helm('test', 'maksdb', '--timeout', '300s')
    await upgrade()
  })
})

describe('the chart', () => {
  it('gives the operator what it needs and no more', async () => {
    const can = (verb: string, what: string) =>
      operator
        .kubectl(
          'auth',
          'can-i',
          verb,
          what,
          '--as=system:serviceaccount:maksdb-system:maksdb-operator',
          '-n',
          'install',
        )
        .then((answer) => answer.trim() === 'yes')
        .catch(() => false)
    for (const [verb, what] of [
      ['create', 'statefulsets.apps'],
      ['delete', 'pods'],
      ['patch', 'vectorclusters.maksdb.io/status'],
    ] as const)
      expect(await can(verb, what), `${verb} ${what}`).toBe(true)
    for (const [verb, what] of [
      ['delete', 'persistentvolumeclaims'],
      ['delete', 'secrets'],
      ['patch', 'secrets'],
      ['delete', 'vectorclusters.maksdb.io'],
      ['create', 'pods'],
      ['get', 'nodes'],
      ['create', 'roles.rbac.authorization.k8s.io'],
    ] as const)
      expect(await can(verb, what), `${verb} ${what}`).toBe(false)
  })

  it('watches single namespaces by Roles alone, and refuses values that it does not know', async () => {
    const rendered = await operator.helm(
      'template',
      'x',
      'helm/maksdb',
      '--kube-version=1.36.0',
      '--skip-tests',
      '--set',
      'watchNamespaces={a,b}',
    )
    expect(rendered).not.toContain('kind: ClusterRole')
    expect(rendered.match(/^kind: Role$/gm)).toHaveLength(3)
    await expect(
      operator.helm('template', 'x', 'helm/maksdb', '--kube-version=1.36.0', '--set', 'replica=2'),
    ).rejects.toThrow(/replica/)
  })
})
