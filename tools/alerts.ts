/** The alerts of the chart. */
import { stringify } from 'yaml'
import type { MetricName } from '../protocol/metrics.ts'

/** A sample's name: one of protocol/metrics.ts, or this does not compile. */
export const m = (name: MetricName, suffix = ''): string => `${name}${suffix}`
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

/** The file of the chart. */
export function alertsChartFile(): [path: string, content: string] {
  return [
    'helm/maksdb/files/alerts.yaml',
    `# Made by \`npm run generate\` from tools/alerts.ts; do not edit.\n${alertsFile()}`,
  ]
}
