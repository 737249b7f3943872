/** Every metric, named and described once. docs/reference/metrics.md is generated from this table. */
export type MetricKind = 'counter' | 'gauge' | 'histogram'

/** The programs that serve a metric. */
export type Program = 'shard' | 'router' | 'supervisor' | 'operator'

export interface MetricRow {
  programs: readonly Program[]
  kind: MetricKind
  help: string
  labels: readonly string[]
  buckets?: readonly number[]
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const
const CELL = ['collection', 'cell'] as const

const SHARD = ['shard'] as const
const ROUTER = ['router'] as const
const SUPERVISOR = ['supervisor'] as const
const OPERATOR = ['operator'] as const
const ALL = ['shard', 'router', 'supervisor', 'operator'] as const

export const METRICS = {
  maksdb_points: { programs: SHARD, kind: 'gauge', help: 'Points that this pod holds as owner rows.', labels: CELL },
  maksdb_copies: { programs: SHARD, kind: 'gauge', help: 'Redundant copies that this pod holds.', labels: CELL },
  maksdb_dead_rows: {
    programs: SHARD,
    kind: 'gauge',
    help: 'Superseded or deleted rows that wait for compaction.',
    labels: CELL,
  },
  maksdb_copies_differing: {
    programs: SHARD,
    kind: 'gauge',
    help: 'On the primary: peers that hold other rows than it does at the same position of the log. Must be 0.',
    labels: CELL,
  },
  maksdb_copy_checks_total: {
    programs: SHARD,
    kind: 'counter',
    help: 'On the primary: comparisons with a peer at the same position that found the same rows.',
    labels: CELL,
  },
  maksdb_directory_checked_total: {
    programs: SHARD,
    kind: 'counter',
    help: 'On the primary: ids of which the directory was compared with the rows of the cell.',
    labels: CELL,
  },
  maksdb_directory_corrected_total: {
    programs: SHARD,
    kind: 'counter',
    help: 'On the primary: ids of which the directory did not say what the cells hold, and was corrected. Must not grow.',
    labels: CELL,
  },
  maksdb_directory_missing: {
    programs: SHARD,
    kind: 'gauge',
    help: 'On the primary, in the last pass: ids that the directory names and no cell holds as it says. Must be 0.',
    labels: CELL,
  },
  maksdb_directory_audited_timestamp_seconds: {
    programs: SHARD,
    kind: 'gauge',
    help: 'On the primary: when the last pass over all rows of the cell and all of the directory ended, in Unix time.',
    labels: CELL,
  },
  maksdb_appended_seq: {
    programs: SHARD,
    kind: 'gauge',
    help: 'Sequence number of the head of the log, as last seen.',
    labels: CELL,
  },
  maksdb_applied_seq: {
    programs: SHARD,
    kind: 'gauge',
    help: 'Sequence number of the last entry that this pod applied.',
    labels: CELL,
  },
  maksdb_replay_lag_entries: {
    programs: SHARD,
    kind: 'gauge',
    help: 'Entries between the head of the log and what is applied.',
    labels: CELL,
  },
  maksdb_primary: { programs: SHARD, kind: 'gauge', help: '1 where this pod leads its cell.', labels: CELL },
  maksdb_epoch: { programs: SHARD, kind: 'gauge', help: 'Epoch of the cell as this pod knows it.', labels: CELL },
  maksdb_lease_renewals_total: {
    programs: SHARD,
    kind: 'counter',
    help: 'Renewals of the lease that succeeded.',
    labels: CELL,
  },
  maksdb_lease_losses_total: {
    programs: SHARD,
    kind: 'counter',
    help: 'Times that this pod stopped leading without being asked to.',
    labels: CELL,
  },
  maksdb_fenced_appends_total: {
    programs: SHARD,
    kind: 'counter',
    help: 'Appends that the log refused because another pod leads.',
    labels: CELL,
  },
  maksdb_commits_total: { programs: SHARD, kind: 'counter', help: 'Operations committed to the log.', labels: CELL },
  maksdb_commit_batch_operations: {
    programs: SHARD,
    kind: 'histogram',
    help: 'Operations in a commit batch.',
    labels: CELL,
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
  },
  maksdb_commit_seconds: {
    programs: SHARD,
    kind: 'histogram',
    help: 'Time of one commit script, from sending to reply.',
    labels: CELL,
    buckets: SECONDS,
  },
  maksdb_search_seconds: {
    programs: SHARD,
    kind: 'histogram',
    help: 'Time of a search in this pod, waiting included.',
    labels: CELL,
    buckets: SECONDS,
  },
  maksdb_search_batch_queries: {
    programs: SHARD,
    kind: 'histogram',
    help: 'Queries that FAISS answered in one call.',
    labels: CELL,
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
  },
  maksdb_queue_depth: {
    programs: SHARD,
    kind: 'gauge',
    help: 'Requests that wait, by queue.',
    labels: ['collection', 'cell', 'queue'],
  },
  maksdb_rejected_requests_total: {
    programs: ROUTER,
    kind: 'counter',
    help: 'Requests refused, by error code.',
    labels: ['code'],
  },
  maksdb_snapshot_age_seconds: {
    programs: SHARD,
    kind: 'gauge',
    help: 'Age of the newest verified snapshot.',
    labels: CELL,
  },
  maksdb_snapshot_seconds: {
    programs: SHARD,
    kind: 'histogram',
    help: 'Time to write and verify a snapshot.',
    labels: CELL,
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300],
  },
  maksdb_snapshot_failures_total: {
    programs: SHARD,
    kind: 'counter',
    help: 'Snapshots that could not be written or verified.',
    labels: CELL,
  },
  maksdb_compactions_total: { programs: SHARD, kind: 'counter', help: 'Compactions of the index.', labels: CELL },
  maksdb_wal_bytes: {
    programs: SHARD,
    kind: 'gauge',
    help: 'Bytes of the cell’s log between trim and head.',
    labels: CELL,
  },
  maksdb_wal_budget_bytes: {
    programs: SHARD,
    kind: 'gauge',
    help: 'Bytes that the cell’s log may have; beyond them writes are answered with 429.',
    labels: CELL,
  },
  maksdb_redis_durable: {
    programs: SHARD,
    kind: 'gauge',
    help: '1 where the settings of Redis carry the durability that was asked for, 0 where not, -1 where they cannot be read.',
    labels: ['collection'],
  },
  maksdb_wal_regressed: {
    programs: SHARD,
    kind: 'gauge',
    help: '1 while the log is behind a shard and writes are stopped.',
    labels: ['collection'],
  },
  maksdb_journal_failures_total: {
    programs: SHARD,
    kind: 'counter',
    help: 'Times that entries could not be written to the journal on the pod’s volume; they are tried again.',
    labels: CELL,
  },
  maksdb_repairs_total: {
    programs: SHARD,
    kind: 'counter',
    help: 'Repairs of the log from the shards’ copies that this pod has carried out.',
    labels: CELL,
  },
  maksdb_http_request_seconds: {
    programs: ROUTER,
    kind: 'histogram',
    help: 'Time of a REST request, by route and status.',
    labels: ['route', 'status'],
    buckets: SECONDS,
  },
  maksdb_shard_errors_total: {
    programs: ROUTER,
    kind: 'counter',
    help: 'Calls to shards that failed, by error code.',
    labels: ['code'],
  },
  maksdb_probed_cells: {
    programs: ROUTER,
    kind: 'histogram',
    help: 'Cells that a search asked.',
    labels: ['collection'],
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
  },
  maksdb_process_restarts_total: {
    programs: SUPERVISOR,
    kind: 'counter',
    help: 'Local processes that the supervisor restarted, by kind.',
    labels: ['kind'],
  },
  maksdb_hung_processes_total: {
    programs: SUPERVISOR,
    kind: 'counter',
    help: 'Local processes that ran but no longer answered, and were killed by the supervisor, by kind.',
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
    labels: ['namespace', 'cluster', 'type'],
  },
  maksdb_operator_api_requests_total: {
    programs: OPERATOR,
    kind: 'counter',
    help: 'Calls to the API server, without watches.',
    labels: ['verb', 'code'],
  },
  maksdb_operator_tls_handshakes_total: {
    programs: OPERATOR,
    kind: 'counter',
    help: 'Connections that were opened to the API server.',
    labels: [],
  },
  maksdb_operator_watch_restarts_total: {
    programs: OPERATOR,
    kind: 'counter',
    help: 'Watches that broke and were begun again, by reason.',
    labels: ['kind', 'reason'],
  },
  maksdb_operator_cache_misses_total: {
    programs: OPERATOR,
    kind: 'counter',
    help: 'Changes that a watch missed and a later list found. Anything but 0 is a bug.',
    labels: ['kind'],
  },
  controller_runtime_reconcile_total: {
    programs: OPERATOR,
    kind: 'counter',
    help: 'Passes, by result.',
    labels: ['controller', 'result'],
  },
  controller_runtime_reconcile_time_seconds: {
    programs: OPERATOR,
    kind: 'histogram',
    help: 'Time of a pass.',
    labels: ['controller'],
    buckets: SECONDS,
  },
  workqueue_depth: {
    programs: OPERATOR,
    kind: 'gauge',
    help: 'VectorClusters that wait for a pass.',
    labels: ['name'],
  },
  workqueue_queue_duration_seconds: {
    programs: OPERATOR,
    kind: 'histogram',
    help: 'Time that a VectorCluster waited for its pass.',
    labels: ['name'],
    buckets: SECONDS,
  },
  leader_election_master_status: {
    programs: OPERATOR,
    kind: 'gauge',
    help: '1 where this process leads.',
    labels: ['name'],
  },
  maksdb_event_loop_lag_seconds: {
    programs: ALL,
    kind: 'gauge',
    help: 'Longest delay of the event loop in the last ten seconds.',
    labels: [],
  },
} as const satisfies Record<string, MetricRow>

export type MetricName = keyof typeof METRICS
