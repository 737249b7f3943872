/** The control plane on Kubernetes: does it lead, keep up, and see everything. */
import { type ProcessMetric, type Sample, selector } from '../promql.ts'
import type { Dashboard } from './panels.ts'
import { FIRING_ALERTS, latencies, orZero, rate, sum } from './queries.ts'

const CHOSEN = 'namespace=~"$release_namespace",operator=~"$operator"'
const of = (name: Sample, matchers = '') => selector(name, CHOSEN, matchers)
const ofProcess = (name: ProcessMetric) => selector(name, CHOSEN, 'maksdb_program="operator"')
const RELEASE = 'namespace, operator'
const OF_RELEASE = '{{namespace}}/{{operator}}'
const OF_POD = '{{namespace}}/{{pod}}'
const bad = (type: string, value: string) =>
  `count(max by (vectorcluster_namespace, vectorcluster) (${of('maksdb_operator_cluster_condition', `type="${type}"`)}) ${value})`

export const OPERATOR: Dashboard = {
  title: 'MaksDB / Operator',
  description: 'The operators of MaksDB: leadership, reconciles, calls to the API server.',
  variables: [
    {
      name: 'release_namespace',
      label: 'Namespace of the operator',
      query: 'label_values(maksdb_operator_leader, namespace)',
    },
    {
      name: 'operator',
      label: 'Operator',
      query: 'label_values(maksdb_operator_leader{namespace=~"$release_namespace"}, operator)',
    },
  ],
  sections: [
    {
      row: 'Now',
      panels: [
        {
          ...FIRING_ALERTS,
          title: 'Firing alerts',
          description: 'Alerts of the operators that fire now.',
          queries: [['count(ALERTS{alertname=~"MaksDBOperator.+",alertstate="firing"}) or vector(0)', 'firing']],
        },
        {
          kind: 'stat',
          title: 'Leaders',
          description: 'Operators that lead: one for each release.',
          unit: 'none',
          queries: [[`sum(${of('maksdb_operator_leader')})`, 'leaders']],
          bad: 1,
          below: true,
          alerts: ['MaksDBOperatorDown'],
        },
        {
          kind: 'stat',
          title: 'VectorClusters',
          description: 'VectorClusters that the leaders reconcile.',
          unit: 'none',
          queries: [[`count(${of('maksdb_operator_cluster_condition', 'type="Ready"')})`, 'VectorClusters']],
        },
        {
          kind: 'stat',
          title: 'Not ready',
          description: 'VectorClusters whose condition Ready is not True.',
          unit: 'none',
          queries: [[orZero(bad('Ready', '< 1')), 'not ready']],
          warn: 1,
          bad: 1,
          alerts: ['MaksDBNotReady'],
        },
        {
          kind: 'stat',
          title: 'Degraded',
          description: 'VectorClusters that serve with less redundancy, or with a problem that needs a correction.',
          unit: 'none',
          queries: [[orZero(bad('Degraded', '== 1')), 'degraded']],
          warn: 1,
          alerts: ['MaksDBDegraded'],
        },
        {
          kind: 'stat',
          title: 'Errors, 15 min',
          description: 'Reconciles that failed in the last 15 minutes. The alert fires above 10.',
          unit: 'none',
          decimals: 0,
          queries: [
            [orZero(`sum(increase(${of('maksdb_operator_reconcile_total', 'result="error"')}[15m]))`), 'errors'],
          ],
          warn: 1,
          bad: 10,
          alerts: ['MaksDBOperatorErrors', 'MaksDBReconcileFailing'],
        },
        {
          kind: 'stat',
          title: 'Queue depth',
          description: 'VectorClusters that wait for a reconcile.',
          unit: 'none',
          queries: [[`sum(${of('maksdb_operator_queue_depth')})`, 'waiting']],
          warn: 20,
          bad: 100,
        },
        {
          kind: 'stat',
          title: 'Missed, 1 h',
          description: 'Changes that a watch missed and a list found. Must be 0.',
          unit: 'none',
          decimals: 0,
          queries: [[orZero(`sum(increase(${of('maksdb_operator_cache_misses_total')}[1h]))`), 'missed']],
          warn: 1,
          bad: 1,
          alerts: ['MaksDBOperatorMissedEvents'],
        },
      ],
    },
    {
      row: 'Reconciles',
      panels: [
        {
          kind: 'timeseries',
          title: 'Reconciles by result',
          description: 'Reconciles per second.',
          unit: 'ops',
          queries: [
            [sum(`${RELEASE}, result`, rate(of('maksdb_operator_reconcile_total'))), `${OF_RELEASE} {{result}}`],
          ],
          alerts: ['MaksDBOperatorErrors', 'MaksDBReconcileFailing'],
        },
        {
          kind: 'timeseries',
          title: 'Reconcile latency p50, p99',
          description: 'Duration of one reconcile of one VectorCluster.',
          unit: 's',
          queries: latencies(RELEASE, of('maksdb_operator_reconcile_seconds_bucket'), OF_RELEASE),
        },
        {
          kind: 'timeseries',
          title: 'Time in queue p50, p99',
          description: 'How long a VectorCluster waited for its reconcile. If it grows, raise `workers`.',
          unit: 's',
          queries: latencies(RELEASE, of('maksdb_operator_queue_seconds_bucket'), OF_RELEASE),
        },
        {
          kind: 'state',
          title: 'Conditions',
          description: 'Conditions of each VectorCluster. Ready should be True, Degraded False.',
          unit: 'none',
          width: 24,
          words: { 1: ['True', 'blue'], 0: ['False', 'text'], '-1': ['Unknown', 'yellow'] },
          queries: [
            [
              `max by (vectorcluster_namespace, vectorcluster, type) (${of('maksdb_operator_cluster_condition')})`,
              '{{vectorcluster_namespace}}/{{vectorcluster}} {{type}}',
            ],
          ],
          alerts: ['MaksDBNotReady', 'MaksDBDegraded'],
        },
      ],
    },
    {
      row: 'API server and process',
      panels: [
        {
          kind: 'timeseries',
          title: 'API requests by verb and code',
          description: 'Calls to the API server per second, without watches. An idle operator only renews its lease.',
          unit: 'reqps',
          queries: [
            [
              sum(`${RELEASE}, verb, code`, rate(of('maksdb_operator_api_requests_total'))),
              `${OF_RELEASE} {{verb}} {{code}}`,
            ],
          ],
        },
        {
          kind: 'timeseries',
          title: 'Watches restarted, changes missed',
          description:
            'The API server ends watches at times, and the operator restarts them. Missed changes must be 0.',
          unit: 'ops',
          queries: [
            [
              sum(`${RELEASE}, kind, reason`, rate(of('maksdb_operator_watch_restarts_total'))),
              `${OF_RELEASE} {{kind}} {{reason}}`,
            ],
            [sum(`${RELEASE}, kind`, rate(of('maksdb_operator_cache_misses_total'))), `${OF_RELEASE} {{kind}} missed`],
          ],
          noValue: 'No watch was restarted',
          alerts: ['MaksDBOperatorMissedEvents'],
        },
        {
          kind: 'timeseries',
          title: 'Connections opened',
          description: 'TLS handshakes with the API server per second. Each connection is reused for a long time.',
          unit: 'cps',
          queries: [[sum(RELEASE, rate(of('maksdb_operator_tls_handshakes_total'))), OF_RELEASE]],
        },
        {
          kind: 'timeseries',
          title: 'CPU',
          description: 'Cores that the operator uses.',
          unit: 'none',
          decimals: 2,
          queries: [[sum('namespace, pod', rate(ofProcess('process_cpu_seconds_total'))), OF_POD]],
        },
        {
          kind: 'timeseries',
          title: 'Memory',
          description: 'Resident memory of the operator, and its limit.',
          unit: 'bytes',
          queries: [
            [`max by (namespace, pod) (${ofProcess('process_resident_memory_bytes')})`, OF_POD],
            [`max by (namespace, pod) (${ofProcess('maksdb_memory_limit_bytes')})`, `${OF_POD} limit`],
          ],
        },
        {
          kind: 'timeseries',
          title: 'Event loop lag',
          description:
            'Longest pause of the operator in the last ten seconds. A pause longer than its lease ends its leadership.',
          unit: 's',
          queries: [[`max by (namespace, pod) (${ofProcess('maksdb_event_loop_lag_seconds')})`, OF_POD]],
          warn: 1,
        },
      ],
    },
  ],
}
