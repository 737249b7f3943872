/** The chart as others install it, by helm on a real API server: under another chart, over an older one, with odd values. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, parseAllDocuments, stringify } from 'yaml'
import type { KubeClient } from '../../../operator/kube/kube-client.ts'
import type { KubeObject } from '../../../operator/kube/objects.ts'
import { VERSION } from '../../../protocol/version.ts'
import { binary, ensureBinaries } from '../../go/programs.ts'
import { ApiServer } from '../support/api-server.ts'
import { command } from '../support/kubernetes.ts'
import { NAMESPACES } from '../support/resources.ts'

const CHART = 'helm/maksdb'
const folder = mkdtempSync(join(tmpdir(), 'maksdb-chart-'))
let server: ApiServer
let client: KubeClient

beforeAll(async () => {
  await ensureBinaries('cluster', (line) => console.log(line))
  server = await ApiServer.start()
  client = server.client()
  for (const name of ['a', '2024'])
    await client.apply(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }, 'test')
})
afterAll(async () => {
  await client.connection.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

const helm = (...args: string[]) => command(binary('helm'), args, server.kubeconfig)

async function template(...args: string[]): Promise<KubeObject[]> {
  const text = await helm('template', 'x', CHART, '-n', 'a', '--kube-version=1.36.0', ...args)
  return parseAllDocuments(text).flatMap((one) => (one.toJS() as KubeObject | null) ?? [])
}

const deploymentOf = (objects: KubeObject[]) => objects.find(({ kind }) => kind === 'Deployment')

interface PodSpec {
  containers: { image: string; securityContext: object; env: { name: string; value: string }[] }[]
  securityContext: object
}
function podSpecOf(objects: KubeObject[]): PodSpec {
  const { spec } = deploymentOf(objects) as unknown as { spec: { template: { spec: PodSpec } } }
  return spec.template.spec
}

/** Installs for good, without waiting for pods: nothing here would start them. */
async function installed(release: string, ...args: string[]): Promise<string> {
  await helm('install', release, CHART, '-n', 'a', '--set', 'crds.keep=false', ...args)
  const manifest = await helm('get', 'manifest', release, '-n', 'a')
  await helm('uninstall', release, '-n', 'a', '--no-hooks')
  return manifest
}

/** Every path of the values, of objects and of what stands in them. */
function pathsOf(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return []
  return Object.entries(value).flatMap(([name, within]) => {
    const own = path === '' ? name : `${path}.${name}`
    return [own, ...pathsOf(within, own)]
  })
}

describe('under another chart', () => {
  const parent = join(folder, 'shop')
  beforeAll(() => {
    mkdirSync(join(parent, 'charts'), { recursive: true })
    cpSync(CHART, join(parent, 'charts/maksdb'), { recursive: true })
    const dependency = { name: 'maksdb', version: VERSION, condition: 'maksdb.enabled', tags: ['search'] }
    const chart = { apiVersion: 'v2', name: 'shop', version: '1.0.0', dependencies: [dependency] }
    writeFileSync(join(parent, 'Chart.yaml'), stringify(chart))
    const values = {
      maksdb: { enabled: true, tags: { search: true } },
      global: { registry: 'r' },
      tags: { search: true },
    }
    writeFileSync(join(parent, 'values.yaml'), stringify(values))
  })

  it('it is switched on and off by a condition, and takes what all charts share', async () => {
    const dryRun = (...args: string[]) => helm('install', 'shop', parent, '-n', 'a', '--dry-run=server', ...args)
    expect(await dryRun()).toContain('name: shop-maksdb-operator')
    expect(await dryRun('--set', 'maksdb.enabled=false')).not.toContain('maksdb-operator')
  })
})

describe('over an older chart', () => {
  it('--reuse-values brings the defaults of values that the older one had not', async () => {
    const older = join(folder, 'older')
    cpSync(CHART, older, { recursive: true })
    const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Record<string, Record<string, unknown>>
    const { podSecurityContext: _, containerSecurityContext: __, selfTest: ___, ...rest } = values
    delete rest.monitoring?.rules
    writeFileSync(join(older, 'values.yaml'), stringify(rest))
    await helm('install', 'old', older, '-n', 'a', '--set', 'crds.keep=false', '--set', 'workers=7')
    const upgraded = await helm(
      'upgrade',
      'old',
      CHART,
      '-n',
      'a',
      '--reuse-values',
      '--dry-run=server',
      '--hide-notes',
    )
    await helm('upgrade', 'old', CHART, '-n', 'a', '--reuse-values')
    await helm('upgrade', 'old', CHART, '-n', 'a', '--reset-then-reuse-values')
    const after = await helm('get', 'manifest', 'old', '-n', 'a')
    await helm('uninstall', 'old', '-n', 'a')
    expect(upgraded).toContain('runAsNonRoot: true')
    expect(after).toContain('{name: MAKSDB_WORKERS, value: "7"}')
  })

  it('any value may be missing: its default counts', async () => {
    const values: unknown = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8'))
    const base = await template()
    // Within these null takes a field away.
    const free = /^(resources|podSecurityContext|containerSecurityContext)\./
    const paths = pathsOf(values).filter((path) => !free.test(path))
    expect(paths.length).toBeGreaterThan(35)
    for (const path of paths) expect(await template('--set', `${path}=null`), path).toEqual(base)
  })
})

describe('values', () => {
  it('a tag of digits is a tag, by --set and in a file', async () => {
    const file = join(folder, 'tag.yaml')
    writeFileSync(file, 'image: {tag: 20260101}\n')
    for (const args of [
      ['--set', 'image.tag=20260101'],
      ['--values', file],
    ]) {
      const [container] = podSpecOf(await template(...args)).containers
      expect(container?.image).toBe('maksdb:20260101')
    }
    // 1.0 would be written as 1.
    await expect(template('--set-json', 'image.tag=1.5')).rejects.toThrow(/tag/)
  })

  it('numbers and booleans as labels and annotations become text', async () => {
    const objects = await template(
      '--set',
      'podAnnotations.build=20260101,podAnnotations.inject=false,nodeSelector.zone=3',
    )
    const { spec } = deploymentOf(objects) as unknown as {
      spec: { template: { metadata: { annotations: object }; spec: { nodeSelector: object } } }
    }
    expect(spec.template.metadata.annotations).toMatchObject({ build: '20260101', inject: 'false' })
    expect(spec.template.spec.nodeSelector).toEqual({ zone: '3' })
  })

  it('a namespace that is named twice, or by a number, is watched once', async () => {
    const manifest = await installed('twice', '--set', 'watchNamespaces={a,a,2024}')
    expect(manifest).toContain('value: "a,2024"')
    const roles = parseAllDocuments(manifest).map((one) => one.toJS() as KubeObject | null)
    const of = (kind: string) =>
      roles.flatMap((one) => (one?.kind === kind ? `${one.metadata.namespace}/${one.metadata.name}` : []))
    expect(of('Role')).toEqual([
      'a/twice-maksdb-operator-lease',
      'a/twice-maksdb-operator',
      '2024/twice-maksdb-operator',
    ])
  })

  it('name no user unless they are asked to, and then that one', async () => {
    const own = podSpecOf(await template())
    expect(own.securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
    expect(JSON.stringify(await template())).not.toContain('10001"')
    const other = podSpecOf(
      await template(
        '--set=podSecurityContext.runAsUser=1000660000,podSecurityContext.fsGroup=1000660000',
        '--set=containerSecurityContext.readOnlyRootFilesystem=null',
      ),
    )
    expect(other.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 1_000_660_000,
      fsGroup: 1_000_660_000,
    })
    expect(other.containers[0]?.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
    })
  })

  it('that nobody knows are refused by name, at any depth', async () => {
    for (const value of ['replica=2', 'image.tags=1', 'podSecurityContext.runAsUsr=1', 'monitoring.rules.on=true'])
      await expect(template('--set', value), value).rejects.toThrow(/[Aa]dditional propert/)
  })
})
