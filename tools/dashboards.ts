/** The dashboards of the chart. */
import type { MetricName } from '../protocol/metrics.ts'

const m = (name: MetricName, suffix = ''): string => `${name}${suffix}`

interface Panel {
  title: string
  unit: string
  queries: [string, string][]
}

const rate = (name: MetricName, by: string, suffix = '') =>
  `sum by (${by}) (rate(${m(name, suffix)}{$filter}[$__rate_interval]))`
const quantile = (name: MetricName, by: string) =>
  `histogram_quantile(0.99, sum by (le, ${by}) (rate(${m(name, '_bucket')}{$filter}[$__rate_interval])))`
const gauge = (name: MetricName, by: string, how = 'max') => `${how} by (${by}) (${m(name)}{$filter})`

const DASHBOARDS: Record<string, { title: string; filter: string; panels: Panel[] }> = {
  overview: {
    title: 'MaksDB / Cluster overview',
    filter: 'namespace=~"$namespace"',
    panels: [
      {
        title: 'Conditions',
        unit: 'none',
        queries: [[gauge('maksdb_operator_cluster_condition', 'vectorcluster, type'), '{{vectorcluster}} {{type}}']],
      },
      {
        title: 'Points',
        unit: 'short',
        queries: [
          [
            `sum by (collection) (${m('maksdb_points')}{$filter} * on (pod, namespace) group_left ${m('maksdb_primary')}{$filter})`,
            '{{collection}}',
          ],
        ],
      },
      {
        title: 'Shards with a primary',
        unit: 'none',
        queries: [[gauge('maksdb_primary', 'collection', 'sum'), '{{collection}}']],
      },
      {
        title: 'Requests',
        unit: 'reqps',
        queries: [[rate('maksdb_http_request_seconds', 'route', '_count'), '{{route}}']],
      },
      {
        title: 'Time of a request, p99',
        unit: 's',
        queries: [[quantile('maksdb_http_request_seconds', 'route'), '{{route}}']],
      },
      {
        title: 'Requests refused',
        unit: 'reqps',
        queries: [[rate('maksdb_rejected_requests_total', 'code'), '{{code}}']],
      },
      {
        title: 'Operations committed',
        unit: 'ops',
        queries: [[rate('maksdb_commits_total', 'collection'), '{{collection}}']],
      },
      {
        title: 'Cells asked by a search, p99',
        unit: 'none',
        queries: [[quantile('maksdb_probed_cells', 'collection'), '{{collection}}']],
      },
      {
        title: 'Calls to shards that failed',
        unit: 'reqps',
        queries: [[rate('maksdb_shard_errors_total', 'code'), '{{code}}']],
      },
      {
        title: 'Redis durable',
        unit: 'none',
        queries: [[gauge('maksdb_redis_durable', 'collection', 'min'), '{{collection}}']],
      },
    ],
  },
  shards: {
    title: 'MaksDB / Shard health',
    filter: 'namespace=~"$namespace"',
    panels: [
      { title: 'Primary', unit: 'none', queries: [[gauge('maksdb_primary', 'pod'), '{{pod}}']] },
      {
        title: 'Epoch',
        unit: 'none',
        queries: [[gauge('maksdb_epoch', 'collection, cell'), '{{collection}}/{{cell}}']],
      },
      {
        title: 'Entries behind the log',
        unit: 'short',
        queries: [[gauge('maksdb_replay_lag_entries', 'pod'), '{{pod}}']],
      },
      {
        title: 'Log, part of its budget',
        unit: 'percentunit',
        queries: [
          [
            `max by (collection, cell) (${m('maksdb_wal_bytes')}{$filter} / ${m('maksdb_wal_budget_bytes')}{$filter})`,
            '{{collection}}/{{cell}}',
          ],
        ],
      },
      {
        title: 'Time of a commit, p99',
        unit: 's',
        queries: [[quantile('maksdb_commit_seconds', 'collection, cell'), '{{collection}}/{{cell}}']],
      },
      {
        title: 'Time of a search, p99',
        unit: 's',
        queries: [[quantile('maksdb_search_seconds', 'collection, cell'), '{{collection}}/{{cell}}']],
      },
      {
        title: 'Rows',
        unit: 'short',
        queries: [
          [gauge('maksdb_points', 'pod'), '{{pod}} points'],
          [gauge('maksdb_copies', 'pod'), '{{pod}} copies'],
          [gauge('maksdb_dead_rows', 'pod'), '{{pod}} dead'],
        ],
      },
      {
        title: 'Age of the newest snapshot',
        unit: 's',
        queries: [[gauge('maksdb_snapshot_age_seconds', 'pod'), '{{pod}}']],
      },
      {
        title: 'Leases lost, appends fenced',
        unit: 'none',
        queries: [
          [`sum by (pod) (increase(${m('maksdb_lease_losses_total')}{$filter}[$__rate_interval]))`, '{{pod}} lost'],
          [`sum by (pod) (increase(${m('maksdb_fenced_appends_total')}{$filter}[$__rate_interval]))`, '{{pod}} fenced'],
        ],
      },
      { title: 'Event loop lag', unit: 's', queries: [[gauge('maksdb_event_loop_lag_seconds', 'pod'), '{{pod}}']] },
    ],
  },
  operator: {
    title: 'MaksDB / Operator',
    filter: 'namespace=~"$namespace"',
    panels: [
      { title: 'Leader', unit: 'none', queries: [[gauge('maksdb_operator_leader', 'pod'), '{{pod}}']] },
      { title: 'Passes', unit: 'ops', queries: [[rate('maksdb_operator_reconcile_total', 'result'), '{{result}}']] },
      {
        title: 'Time of a pass, p99',
        unit: 's',
        queries: [[quantile('maksdb_operator_reconcile_seconds', 'operator'), '{{operator}}']],
      },
      { title: 'Waiting', unit: 'none', queries: [[gauge('maksdb_operator_queue_depth', 'operator'), '{{operator}}']] },
      {
        title: 'Time in the queue, p99',
        unit: 's',
        queries: [[quantile('maksdb_operator_queue_seconds', 'operator'), '{{operator}}']],
      },
      {
        title: 'Calls to the API server',
        unit: 'reqps',
        queries: [[rate('maksdb_operator_api_requests_total', 'verb, code'), '{{verb}} {{code}}']],
      },
      {
        title: 'Connections opened',
        unit: 'none',
        queries: [[rate('maksdb_operator_tls_handshakes_total', 'pod'), '{{pod}}']],
      },
      {
        title: 'Watches begun again, changes missed',
        unit: 'none',
        queries: [
          [rate('maksdb_operator_watch_restarts_total', 'kind, reason'), '{{kind}} {{reason}}'],
          [rate('maksdb_operator_cache_misses_total', 'kind'), '{{kind}} missed'],
        ],
      },
    ],
  },
}

const WIDTH = 12
const HEIGHT = 8

function dashboard(uid: string, { title, filter, panels }: (typeof DASHBOARDS)[string]): string {
  const datasource = { type: 'prometheus', uid: '${datasource}' }
  const variable = (name: string, rest: object) => ({ name, label: name, ...rest })
  const made = {
    uid: `maksdb-${uid}`,
    title,
    tags: ['maksdb'],
    schemaVersion: 39,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: {
      list: [
        variable('datasource', { type: 'datasource', query: 'prometheus' }),
        variable('namespace', {
          type: 'query',
          datasource,
          query: `label_values(${m('maksdb_event_loop_lag_seconds')}, namespace)`,
          refresh: 2,
          includeAll: true,
          multi: true,
          current: { text: 'All', value: '$__all' },
        }),
      ],
    },
    panels: panels.map(({ title: name, unit, queries }, i) => ({
      id: i + 1,
      type: 'timeseries',
      title: name,
      datasource,
      gridPos: { x: (i % 2) * WIDTH, y: Math.floor(i / 2) * HEIGHT, w: WIDTH, h: HEIGHT },
      fieldConfig: { defaults: { unit, min: 0, custom: { fillOpacity: 10 } }, overrides: [] },
      options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
      targets: queries.map(([expr, legendFormat], at) => ({
        refId: String.fromCodePoint(65 + at),
        expr: expr.replaceAll('$filter', filter),
        legendFormat,
      })),
    })),
  }
  return `${JSON.stringify(made, null, 2)}\n`
}

/** The files of the chart that these make. */
export function dashboardFiles(): [path: string, content: string][] {
  return Object.entries(DASHBOARDS).map(([uid, board]) => [
    `helm/maksdb/files/dashboards/${uid}.json`,
    dashboard(uid, board),
  ])
}
