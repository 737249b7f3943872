/** What the control planes serve: the operator, and the supervisor of one machine. */
import { type MetricRow, SECONDS } from './row.ts'

const SUPERVISOR = ['supervisor'] as const
const OPERATOR = ['operator'] as const
/** Every operator of a release has its name: another release has another. */
const RELEASE = ['operator'] as const

export const CONTROL_METRICS = {
  maksdb_process_restarts_total: {
    programs: SUPERVISOR,
    kind: 'counter',
    help: 'Local processes that the supervisor restarted, by kind.',
    labels: ['kind'],
  },
  maksdb_hung_processes_total: {
    programs: SUPERVISOR,
    kind: 'counter',
    help: 'Local processes that the supervisor killed because they ran and did not answer, by kind.',
    labels: ['kind'],
  },
  maksdb_processes: {
    programs: SUPERVISOR,
    kind: 'gauge',
    help: 'Local processes that run, by kind.',
    labels: ['kind'],
  },
  maksdb_operator_cluster_condition: {
    programs: OPERATOR,
    kind: 'gauge',
    help: 'Conditions of VectorClusters: 1 True, 0 False, -1 Unknown.',
    // Not "namespace": scrapers put that of the operator's pod there.
    labels: ['vectorcluster_namespace', 'vectorcluster', 'type', ...RELEASE],
  },
  maksdb_operator_reconcile_failing: {
    programs: OPERATOR,
    kind: 'gauge',
    help: '1 while the same write for a VectorCluster, or its whole pass, has failed three times in a row.',
    labels: ['vectorcluster_namespace', 'vectorcluster', ...RELEASE],
  },
  maksdb_operator_api_requests_total: {
    programs: OPERATOR,
    kind: 'counter',
    help: 'Calls to the API server, without watches.',
    labels: ['verb', 'code', ...RELEASE],
  },
  maksdb_operator_tls_handshakes_total: {
    programs: OPERATOR,
    kind: 'counter',
    help: 'Connections opened to the API server.',
    labels: RELEASE,
  },
  maksdb_operator_watch_restarts_total: {
    programs: OPERATOR,
    kind: 'counter',
    help: 'Watches that ended and were restarted, by reason.',
    labels: ['kind', 'reason', ...RELEASE],
  },
  maksdb_operator_cache_misses_total: {
    programs: OPERATOR,
    kind: 'counter',
    help: 'Changes that a watch missed and a later list found. Anything but 0 is a bug.',
    labels: ['kind', ...RELEASE],
  },
  maksdb_operator_reconcile_total: {
    programs: OPERATOR,
    kind: 'counter',
    help: 'Reconciles of a VectorCluster, by result.',
    labels: ['result', ...RELEASE],
  },
  maksdb_operator_reconcile_seconds: {
    programs: OPERATOR,
    kind: 'histogram',
    help: 'Duration of a reconcile.',
    labels: RELEASE,
    buckets: SECONDS,
  },
  maksdb_operator_queue_depth: {
    programs: OPERATOR,
    kind: 'gauge',
    help: 'VectorClusters that wait for a reconcile.',
    labels: RELEASE,
  },
  maksdb_operator_queue_seconds: {
    programs: OPERATOR,
    kind: 'histogram',
    help: 'Time that a VectorCluster waited for its reconcile.',
    labels: RELEASE,
    buckets: SECONDS,
  },
  maksdb_operator_leader: {
    programs: OPERATOR,
    kind: 'gauge',
    help: '1 if this process holds the Lease of the operator and reconciles, 0 if not.',
    labels: RELEASE,
  },
  maksdb_operator_leader_since_timestamp_seconds: {
    programs: OPERATOR,
    kind: 'gauge',
    help: 'Time at which this process began to lead, in Unix seconds; 0 if it does not lead.',
    labels: RELEASE,
  },
} as const satisfies Record<string, MetricRow>
