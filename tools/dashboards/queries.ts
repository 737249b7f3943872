/** What the panels of several dashboards ask, for the namespaces and VectorClusters that are chosen. */
import { type ProcessMetric, type Sample, selector } from '../promql.ts'
import type { Panel, Variable } from './panels.ts'

export const CLUSTER = 'namespace, vectorcluster'
export const SHARD = `${CLUSTER}, cell`
export const POD = 'namespace, pod'

const CHOSEN = 'namespace=~"$namespace",vectorcluster=~"$vectorcluster"'
/** Of shards and routers of the chosen VectorClusters. */
export const of = (name: Sample, matchers = '') => selector(name, CHOSEN, matchers)
/** What every process has. */
export const ofProcess = (name: ProcessMetric, programs: string) =>
  selector(name, CHOSEN, `maksdb_program=~"${programs}"`)
/** Of the operator, about the chosen VectorClusters. */
export const ofCondition = (type: string) =>
  selector(
    'maksdb_operator_cluster_condition',
    `vectorcluster_namespace=~"$namespace",vectorcluster=~"$vectorcluster",type="${type}"`,
  )

export const max = (by: string, expr: string) => `max by (${by}) (${expr})`
export const sum = (by: string, expr: string) => `sum by (${by}) (${expr})`
export const rate = (expr: string) => `rate(${expr}[$__rate_interval])`
export const quantile = (q: number, by: string, buckets: string) =>
  `histogram_quantile(${q}, sum by (le, ${by}) (rate(${buckets}[$__rate_interval])))`
/** Zero where nothing has been counted yet: a counter of what goes wrong begins with the first time. */
export const orZero = (expr: string) => `(${expr}) or vector(0)`

/** p50 and p99 of a histogram. */
export const latencies = (by: string, buckets: string, legend: string): Panel['queries'] => [
  [quantile(0.5, by, buckets), `p50 ${legend}`],
  [quantile(0.99, by, buckets), `p99 ${legend}`],
]

export const OF_CLUSTER = '{{namespace}}/{{vectorcluster}}'
export const OF_SHARD = '{{namespace}}/{{vectorcluster}} shard {{cell}}'
export const OF_POD = '{{namespace}}/{{pod}}'

const known = 'maksdb_event_loop_lag_seconds{maksdb_program=~"shard|router"'
export const VARIABLES: Variable[] = [
  { name: 'namespace', label: 'Namespace', query: `label_values(${known}}, namespace)` },
  {
    name: 'vectorcluster',
    label: 'VectorCluster',
    query: `label_values(${known},namespace=~"$namespace"}, vectorcluster)`,
  },
]

const FIRING = 'ALERTS{alertname=~"MaksDB.+",alertstate="firing"'
const firing = `${FIRING},namespace=~"$namespace",vectorcluster=~"$vectorcluster"} or ${FIRING},alertname=~"MaksDBOperator.+"}`
export const FIRING_ALERTS: Panel = {
  kind: 'stat',
  title: 'Firing alerts',
  description: 'Alerts of the chosen VectorClusters, and of the operator, that fire now. The table below names them.',
  unit: 'none',
  queries: [[`count(${firing}) or vector(0)`, 'firing']],
  warn: 1,
  bad: 1,
}
export const ALERT_TABLE: Panel = {
  kind: 'table',
  title: 'Firing alerts',
  description: 'Alerts that fire now. The page of alerts in the documentation lists the steps for each.',
  unit: 'none',
  queries: [[firing, '']],
}
