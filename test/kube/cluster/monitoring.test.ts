/** A real Prometheus scrapes the pods by their annotations, the chart's rules load, and a lost primary fires its alert and resolves it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { PODS } from '../../../operator/resources.ts'
import { METRICS } from '../../../protocol/metrics/metrics.ts'
import { freePort } from '../../../supervisor/os-process.ts'
import { DASHBOARDS } from '../../../tools/dashboards.ts'
import { Kubernetes, rest } from '../support/kubernetes.ts'

const k = new Kubernetes('monitoring')
const folder = mkdtempSync(join(tmpdir(), 'maksdb-prometheus-'))
let prometheus: ChildProcess
let url: string
let discovery: NodeJS.Timeout

beforeAll(async () => {
  await k.start()
  await k.apply('films', { dimension: 2, clusters: 2, replicas: 1, centroids: { source: 'Random' } })
  await k.settled('films')
  await discover()
  discovery = setInterval(() => void discover().catch(() => undefined), 1000)
  const port = await freePort('127.0.0.1')
  url = `http://127.0.0.1:${port}`
  writeFileSync(join(folder, 'prometheus.yml'), stringify(configuration()))
  const log = openSync(join(folder, 'log'), 'a')
  prometheus = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: ['ignore', log, log] },
  )
  await k.until('Prometheus', 60_000, async () => ((await fetch(`${url}/-/ready`)).ok ? true : undefined))
})

afterAll(async () => {
  clearInterval(discovery)
  prometheus.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
  await k.stop()
})

/**
 * The scrape configuration of docs/kubernetes/monitoring.md. Debian builds its Prometheus without discovery in Kubernetes, so
 * targets come from a file that is written here, with the labels that discovery would give them.
 */
function configuration() {
  const page = readFileSync('docs/kubernetes/monitoring.md', 'utf8')
  const [, block = ''] = /```yaml\n(scrape_configs:[\s\S]*?)```/.exec(page) ?? []
  const { scrape_configs: scrapes } = parse(block) as { scrape_configs: Record<string, unknown>[] }
  return {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [join(process.cwd(), 'helm/maksdb/files/alerts.yaml')],
    scrape_configs: scrapes.map((scrape) => ({
      ...scrape,
      kubernetes_sd_configs: undefined,
      file_sd_configs: [{ files: [join(folder, 'targets.json')], refresh_interval: '1s' }],
    })),
  }
}

/** What `role: pod` finds: a target for each port of each container of each pod. */
async function discover(): Promise<void> {
  const { items } = await k.client.list(PODS)
  const plain = (name: string) => name.replaceAll(/[^a-zA-Z0-9]/g, '_')
  const targets = items.flatMap(({ metadata, spec, status }) => {
    const { podIP } = (status ?? {}) as { podIP?: string }
    const containers = (spec?.containers ?? []) as { ports?: { name: string; containerPort: number }[] }[]
    const meta = (kind: string, of: Record<string, string> = {}) =>
      Object.entries(of).map(([name, value]) => [`__meta_kubernetes_pod_${kind}_${plain(name)}`, value])
    const labels = Object.fromEntries([
      ...meta('label', metadata.labels),
      ...meta('annotation', metadata.annotations),
      ['__meta_kubernetes_namespace', metadata.namespace],
      ['__meta_kubernetes_pod_name', metadata.name],
    ]) as Record<string, string>
    return containers.flatMap(({ ports = [] }) =>
      ports.map((port) => ({
        targets: podIP === undefined ? [] : [`${podIP}:${port.containerPort}`],
        labels: { ...labels, __meta_kubernetes_pod_container_port_name: port.name },
      })),
    )
  })
  writeFileSync(join(folder, 'targets.tmp'), JSON.stringify(targets.filter((one) => one.targets.length > 0)))
  renameSync(join(folder, 'targets.tmp'), join(folder, 'targets.json'))
}

async function query(expression: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]> {
  const answer = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}`)
  return ((await answer.json()) as { data: { result: { metric: Record<string, string>; value: [number, string] }[] } })
    .data.result
}

it('finds operator, routers and shards, with their labels', async () => {
  await k.until('all targets', 60_000, async () =>
    (await query('up{namespace="monitoring"} == 1')).length === 4 ? true : undefined,
  )
  const primaries = await query('maksdb_primary{namespace="monitoring"} == 1')
  expect(
    primaries
      .map(({ metric }) => [metric.vectorcluster, metric.component, metric.cell])
      .toSorted((a, b) => String(a).localeCompare(String(b))),
  ).toEqual([
    ['films', 'shard', '0'],
    ['films', 'shard', '1'],
  ])
  // Its target is in another namespace, and may be scraped a second later.
  await k.until('the operator', 30_000, async () =>
    (await query('maksdb_operator_leader == 1')).length === 1 ? true : undefined,
  )
  expect(
    await query(
      'maksdb_operator_cluster_condition{vectorcluster_namespace="monitoring",vectorcluster="films",type="Ready"} == 1',
    ),
  ).toHaveLength(1)
})

it('loads every rule, and each finds the metrics that it speaks of', async () => {
  const answer = (await (await fetch(`${url}/api/v1/rules`)).json()) as {
    data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] }
  }
  const rules = answer.data.groups.flatMap((group) => group.rules)
  expect(rules.length).toBeGreaterThan(10)
  await k.until('every rule to be evaluated', 30_000, async () => {
    const again = (await (await fetch(`${url}/api/v1/rules`)).json()) as typeof answer
    return again.data.groups.flatMap((group) => group.rules).every(({ health }) => health === 'ok') || undefined
  })
  const files = ['alerts.yaml', 'dashboards/overview.json', 'dashboards/shards.json', 'dashboards/operator.json']
  const text = files.map((file) => readFileSync(`helm/maksdb/files/${file}`, 'utf8')).join('\n')
  // Counters of what goes wrong appear with the first time that it does.
  const eventful = new Set([
    'maksdb_rejected_requests_total',
    'maksdb_shard_errors_total',
    'maksdb_operator_watch_restarts_total',
    'maksdb_operator_cache_misses_total',
  ])
  const named = [...new Set(text.match(/\bmaksdb_[a-z_]+/g))]
    .map((name) => name.replace(/_(bucket|count|sum)$/, ''))
    .filter((name) => name in METRICS && !eventful.has(name))
  expect(named.length).toBeGreaterThan(20)
  // A write and a search, so that there is something to measure.
  const at = await k.endpoint('films')
  await rest(at, 'PUT', '/collections/films/points?wait=true', { points: [{ id: 1, vector: [1, 2] }] })
  await rest(at, 'POST', '/collections/films/points/query', { query: [1, 2], limit: 1 })
  await k.until('every metric to be served', 30_000, async () => {
    const { data } = (await (await fetch(`${url}/api/v1/label/__name__/values`)).json()) as { data: string[] }
    const served = new Set(data)
    const absent = named.filter((name) => ![name, `${name}_count`].some((one) => served.has(one)))
    if (absent.length > 0) throw new Error(`absent: ${absent.join(', ')}`)
    return true
  })
})

it('fills every panel of every dashboard', async () => {
  // What has not happened here: a broken watch, a failed call to a shard, a snapshot after five minutes, an alert.
  const eventful = /watch_restarts|cache_misses|shard_errors|snapshot_seconds|^ALERTS/
  const at = await k.endpoint('films')
  const use = async (id: number) => {
    await rest(at, 'PUT', '/collections/films/points?wait=true', { points: [{ id, vector: [1, 2] }] })
    await rest(at, 'POST', '/collections/films/points/query', { query: [1, 2], limit: 1 })
    await rest(at, 'POST', '/collections/films/points/query', { query: [1] }).catch(() => undefined)
  }
  const wanted = Object.values(DASHBOARDS).flatMap(({ title, sections }) =>
    sections.flatMap(({ panels }) =>
      panels.flatMap((panel) =>
        panel.queries.map(([expr]) => ({
          panel: `${title}: ${panel.title}`,
          expr: expr.replaceAll('$__rate_interval', '20s').replaceAll(/\$\w+/g, '.*'),
        })),
      ),
    ),
  )
  let id = 0
  await k.until('data in every panel', 120_000, async () => {
    await use(id++)
    const empty: string[] = []
    for (const { panel, expr } of wanted)
      if (!eventful.test(expr) && (await query(expr)).length === 0) empty.push(`${panel}: ${expr}`)
    if (empty.length > 0) throw new Error(`no data: ${empty.join('\n')}`)
    return true
  })
})

it('fires the alert of a shard without a primary, and resolves it', async () => {
  // Its only pod is held back, so that the shard stays without one.
  await k.kubectl('annotate', 'vc', 'films', 'maksdb.io/paused=true')
  const redis = await k.kubectl('get', 'statefulset', 'films-redis', '-o', 'jsonpath={.spec.replicas}')
  expect(redis).toBe('1')
  await k.kubectl('scale', 'statefulset', 'films-redis', '--replicas=0')
  const firing = () => query('ALERTS{alertname="MaksDBNoPrimary",alertstate="firing",namespace="monitoring"}')
  await k.until('the alert', 120_000, async () => ((await firing()).length === 2 ? true : undefined))
  await k.kubectl('annotate', 'vc', 'films', 'maksdb.io/paused-')
  await k.settled('films')
  await k.until('the alert to be resolved', 60_000, async () => ((await firing()).length === 0 ? true : undefined))
})

it('fires for the operator and for a shard when the operator and the only pod of the shard are lost together', async () => {
  // Nothing is left that could say so of itself: the operator's node is gone, and the pod of the shard does not come back.
  const at = ['-n', 'maksdb-system', 'scale', 'deployment', 'maksdb-operator']
  await k.kubectl(...at, '--replicas=0')
  try {
    await k.kubectl('scale', 'statefulset', 'films-shard-1', '--replicas=0')
    const alert = (name: string, state: string) => query(`ALERTS{alertname="${name}",alertstate=~"${state}"}`)
    await k.until('the alert of the shard', 120_000, async () => {
      const [one, ...others] = await alert('MaksDBNoPrimary', 'firing')
      return one && others.length === 0 ? one : undefined
    })
    expect((await alert('MaksDBNoPrimary', 'firing'))[0]?.metric).toMatchObject({ vectorcluster: 'films', cell: '1' })
    // It waits five minutes before it fires.
    await k.until('the alert of the operator', 60_000, async () =>
      (await alert('MaksDBOperatorDown', 'pending|firing')).length === 1 ? true : undefined,
    )
  } finally {
    await k.kubectl(...at, '--replicas=1')
  }
  await k.settled('films')
})
