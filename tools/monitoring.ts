/** Alerts and dashboards of the chart. Names of metrics are those of protocol/metrics.ts, or this does not compile. */
import { stringify } from 'yaml'
import type { MetricName } from '../protocol/metrics.ts'

const m = (name: MetricName, suffix = ''): string => `${name}${suffix}`
const CELL = 'namespace, collection, cell'

interface Alert {
  alert: string
  expr: string
  for: string
  severity: 'critical' | 'warning'
  summary: string
  what: string
}

export const RUNBOOK = 'docs/kubernetes/failure-modes.md'

export const ALERTS: Alert[] = [
  {
    alert: 'MaksDBNoPrimary',
    expr: `sum by (${CELL}) (${m('maksdb_primary')}) < 1`,
    for: '15s',
    severity: 'critical',
    summary: 'Shard {{ $labels.cell }} of {{ $labels.collection }} has no primary.',
    what: 'Its writes are answered with 503; reads go on from replicas. Look at the pods of the shard and at Redis.',
  },
  {
    alert: 'MaksDBNotReady',
    expr: `max by (namespace, cluster) (${m('maksdb_operator_cluster_condition')}{type="Ready"}) < 1`,
    for: '2m',
    severity: 'critical',
    summary: 'VectorCluster {{ $labels.namespace }}/{{ $labels.cluster }} is not ready.',
    what: 'kubectl describe vc says why, in the condition Ready and in events.',
  },
  {
    alert: 'MaksDBDegraded',
    expr: `max by (namespace, cluster) (${m('maksdb_operator_cluster_condition')}{type="Degraded"}) == 1`,
    for: '15m',
    severity: 'warning',
    summary: 'VectorCluster {{ $labels.namespace }}/{{ $labels.cluster }} has been degraded for 15 minutes.',
    what: 'The condition Degraded names the pod or the object that is in trouble.',
  },
  {
    alert: 'MaksDBReplayLag',
    expr: `max by (${CELL}, pod) (${m('maksdb_replay_lag_entries')}) > 10000`,
    for: '2m',
    severity: 'warning',
    summary: 'Pod {{ $labels.pod }} is more than 10,000 entries behind the log.',
    what: 'It cannot lead and answers with old state. Look at its CPU and at the rate of writes.',
  },
  {
    alert: 'MaksDBFencedAppends',
    expr: `sum by (${CELL}) (increase(${m('maksdb_fenced_appends_total')}[10m])) > 0`,
    for: '0m',
    severity: 'warning',
    summary: 'The log refused appends of a pod of shard {{ $labels.cell }} that no longer led.',
    what: 'Nothing was lost: the fence did its work. A pod was paused or cut off for longer than its lease.',
  },
  {
    alert: 'MaksDBLeaseFlaps',
    expr: `sum by (${CELL}) (increase(${m('maksdb_lease_losses_total')}[15m])) > 3`,
    for: '0m',
    severity: 'warning',
    summary: 'Pods of shard {{ $labels.cell }} of {{ $labels.collection }} lose their lease again and again.',
    what: 'Redis is slow or the pods starve: look at commit times, event loop lag and CPU limits.',
  },
  {
    alert: 'MaksDBCopiesDiffer',
    expr: `max by (${CELL}, pod) (${m('maksdb_copies_differing')}) > 0`,
    for: '1m',
    severity: 'critical',
    summary: 'Pods of shard {{ $labels.cell }} of {{ $labels.collection }} hold different rows.',
    what: 'One of them is damaged. The log of this pod names its peer; delete the volume of the replica, which then copies its peer.',
  },
  {
    alert: 'MaksDBDirectoryCorrected',
    expr: `sum by (${CELL}) (increase(${m('maksdb_directory_corrected_total')}[1h])) > 0`,
    for: '0m',
    severity: 'warning',
    summary:
      'The directory of {{ $labels.collection }} did not say what shard {{ $labels.cell }} holds, and was corrected.',
    what: 'Somebody else wrote to the keys of the collection, or Redis evicts keys: look at maxmemory-policy, which must be noeviction. Points may have been missing from reads until then.',
  },
  {
    alert: 'MaksDBDirectoryMissing',
    expr: `max by (${CELL}) (${m('maksdb_directory_missing')}) > 0`,
    for: '5m',
    severity: 'critical',
    summary:
      'The directory of {{ $labels.collection }} tells of points in shard {{ $labels.cell }} that no shard holds.',
    what: 'The log of the primary names them. Write them again, or delete them; keep the volumes for a report.',
  },
  {
    alert: 'MaksDBSnapshotOld',
    expr: `max by (${CELL}, pod) (${m('maksdb_snapshot_age_seconds')}) > 3600 and max by (${CELL}, pod) (changes(${m('maksdb_applied_seq')}[1h])) > 0`,
    for: '10m',
    severity: 'warning',
    summary: 'The newest snapshot of pod {{ $labels.pod }} is older than an hour.',
    what: 'The log cannot be cut and fills Redis. Look for maksdb_snapshot_failures_total and a full volume.',
  },
  {
    alert: 'MaksDBWalBudget',
    expr: `max by (${CELL}) (${m('maksdb_wal_bytes')} / ${m('maksdb_wal_budget_bytes')}) > 0.8`,
    for: '5m',
    severity: 'warning',
    summary: 'The log of shard {{ $labels.cell }} of {{ $labels.collection }} has used 80 % of its budget.',
    what: 'At 100 % writes are answered with 429. Look at snapshots and trim, or let spec.redis.managed.storage grow.',
  },
  {
    alert: 'MaksDBRedisNotDurable',
    expr: `min by (namespace, collection) (${m('maksdb_redis_durable')}) == 0`,
    for: '1m',
    severity: 'critical',
    summary: 'The Redis of {{ $labels.collection }} does not carry the durability that was asked for.',
    what: 'An acknowledged write can be lost when Redis crashes. The condition RedisDurable lists the settings that it needs.',
  },
  {
    alert: 'MaksDBLogRegressed',
    expr: `max by (namespace, collection) (${m('maksdb_wal_regressed')}) == 1`,
    for: '0m',
    severity: 'critical',
    summary: 'Redis has lost entries of the log of {{ $labels.collection }}; writes are stopped.',
    what: 'Bring the newer data of Redis back, or accept the loss with the annotation maksdb.io/accept-loss.',
  },
  {
    alert: 'MaksDBRouterErrors',
    expr: `sum by (namespace) (rate(${m('maksdb_http_request_seconds', '_count')}{status=~"5.."}[5m])) / sum by (namespace) (rate(${m('maksdb_http_request_seconds', '_count')}[5m])) > 0.01`,
    for: '5m',
    severity: 'warning',
    summary: 'More than 1 % of the requests in {{ $labels.namespace }} fail.',
    what: 'maksdb_rejected_requests_total says with which codes, docs/reference/errors.md what they mean.',
  },
  {
    alert: 'MaksDBOperatorDown',
    expr: `absent(${m('leader_election_master_status')} == 1)`,
    for: '5m',
    severity: 'warning',
    summary: 'No MaksDB operator leads.',
    what: 'Reads and writes go on; nothing is repaired, scaled or replaced until an operator runs again.',
  },
  {
    alert: 'MaksDBOperatorErrors',
    expr: `sum by (namespace) (increase(${m('controller_runtime_reconcile_total')}{result="error"}[15m])) > 10`,
    for: '0m',
    severity: 'warning',
    summary: 'The passes of the MaksDB operator fail.',
    what: 'Its log has the error of each pass: "a reconcile failed".',
  },
  {
    alert: 'MaksDBOperatorMissedEvents',
    expr: `sum by (namespace) (increase(${m('maksdb_operator_cache_misses_total')}[1h])) > 0`,
    for: '0m',
    severity: 'warning',
    summary: 'A watch of the MaksDB operator missed a change.',
    what: 'It was found by the next list. Please report it: this must not happen.',
  },
]

export function alertsFile(): string {
  const rules = ALERTS.map(({ alert, expr, for: wait, severity, summary, what }) => ({
    alert,
    expr,
    for: wait,
    labels: { severity },
    annotations: { summary, description: what, runbook: `${RUNBOOK}#${alert.toLowerCase()}` },
  }))
  return stringify({ groups: [{ name: 'maksdb', rules }] }, { lineWidth: 0 })
}

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
        queries: [[gauge('maksdb_operator_cluster_condition', 'cluster, type'), '{{cluster}} {{type}}']],
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
      { title: 'Leader', unit: 'none', queries: [[gauge('leader_election_master_status', 'pod'), '{{pod}}']] },
      { title: 'Passes', unit: 'ops', queries: [[rate('controller_runtime_reconcile_total', 'result'), '{{result}}']] },
      {
        title: 'Time of a pass, p99',
        unit: 's',
        queries: [[quantile('controller_runtime_reconcile_time_seconds', 'controller'), '{{controller}}']],
      },
      { title: 'Waiting', unit: 'none', queries: [[gauge('workqueue_depth', 'name'), '{{name}}']] },
      {
        title: 'Time in the queue, p99',
        unit: 's',
        queries: [[quantile('workqueue_queue_duration_seconds', 'name'), '{{name}}']],
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
export function monitoringFiles(): Map<string, string> {
  return new Map([
    [
      'helm/maksdb/files/alerts.yaml',
      `# Made by \`npm run generate\` from tools/monitoring.ts; do not edit.\n${alertsFile()}`,
    ],
    ...Object.entries(DASHBOARDS).map(([uid, board]): [string, string] => [
      `helm/maksdb/files/dashboards/${uid}.json`,
      dashboard(uid, board),
    ]),
  ])
}
