/** Every metric, named and described once. docs/reference/metrics.md is generated from this table. */
export type MetricKind = 'counter' | 'gauge' | 'histogram'

export interface MetricRow {
  kind: MetricKind
  help: string
  labels: readonly string[]
  buckets?: readonly number[]
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const
const CELL = ['collection', 'cell'] as const

export const METRICS = {
  maksdb_points: { kind: 'gauge', help: 'Points that this pod holds as owner rows.', labels: CELL },
  maksdb_copies: { kind: 'gauge', help: 'Redundant copies that this pod holds.', labels: CELL },
  maksdb_dead_rows: { kind: 'gauge', help: 'Superseded or deleted rows that wait for compaction.', labels: CELL },
  maksdb_appended_seq: { kind: 'gauge', help: 'Sequence number of the head of the log, as last seen.', labels: CELL },
  maksdb_applied_seq: { kind: 'gauge', help: 'Sequence number of the last entry that this pod applied.', labels: CELL },
  maksdb_replay_lag_entries: {
    kind: 'gauge',
    help: 'Entries between the head of the log and what is applied.',
    labels: CELL,
  },
  maksdb_primary: { kind: 'gauge', help: '1 where this pod leads its cell.', labels: CELL },
  maksdb_epoch: { kind: 'gauge', help: 'Epoch of the cell as this pod knows it.', labels: CELL },
  maksdb_lease_renewals_total: { kind: 'counter', help: 'Renewals of the lease that succeeded.', labels: CELL },
  maksdb_lease_losses_total: {
    kind: 'counter',
    help: 'Times that this pod stopped leading without being asked to.',
    labels: CELL,
  },
  maksdb_fenced_appends_total: {
    kind: 'counter',
    help: 'Appends that the log refused because another pod leads.',
    labels: CELL,
  },
  maksdb_commits_total: { kind: 'counter', help: 'Operations committed to the log.', labels: CELL },
  maksdb_commit_batch_operations: {
    kind: 'histogram',
    help: 'Operations in a commit batch.',
    labels: CELL,
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
  },
  maksdb_commit_seconds: {
    kind: 'histogram',
    help: 'Time of one commit script, from sending to reply.',
    labels: CELL,
    buckets: SECONDS,
  },
  maksdb_search_seconds: {
    kind: 'histogram',
    help: 'Time of a search in this pod, waiting included.',
    labels: CELL,
    buckets: SECONDS,
  },
  maksdb_search_batch_queries: {
    kind: 'histogram',
    help: 'Queries that FAISS answered in one call.',
    labels: CELL,
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
  },
  maksdb_queue_depth: { kind: 'gauge', help: 'Requests that wait, by queue.', labels: ['collection', 'cell', 'queue'] },
  maksdb_rejected_requests_total: { kind: 'counter', help: 'Requests refused, by error code.', labels: ['code'] },
  maksdb_snapshot_age_seconds: { kind: 'gauge', help: 'Age of the newest verified snapshot.', labels: CELL },
  maksdb_snapshot_seconds: {
    kind: 'histogram',
    help: 'Time to write and verify a snapshot.',
    labels: CELL,
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300],
  },
  maksdb_snapshot_failures_total: {
    kind: 'counter',
    help: 'Snapshots that could not be written or verified.',
    labels: CELL,
  },
  maksdb_compactions_total: { kind: 'counter', help: 'Compactions of the index.', labels: CELL },
  maksdb_wal_bytes: { kind: 'gauge', help: 'Bytes of the cell’s log between trim and head.', labels: CELL },
  maksdb_redis_durable: {
    kind: 'gauge',
    help: '1 where the settings of Redis carry the durability that was asked for, 0 where not, -1 where they cannot be read.',
    labels: ['collection'],
  },
  maksdb_wal_regressed: {
    kind: 'gauge',
    help: '1 while the log is behind a shard and writes are stopped.',
    labels: ['collection'],
  },
  maksdb_http_request_seconds: {
    kind: 'histogram',
    help: 'Time of a REST request, by route and status.',
    labels: ['route', 'status'],
    buckets: SECONDS,
  },
  maksdb_shard_errors_total: {
    kind: 'counter',
    help: 'Calls to shards that failed, by error code.',
    labels: ['collection', 'code'],
  },
  maksdb_probed_cells: {
    kind: 'histogram',
    help: 'Cells that a search asked.',
    labels: ['collection'],
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
  },
  maksdb_process_restarts_total: {
    kind: 'counter',
    help: 'Local processes that the supervisor restarted, by kind.',
    labels: ['kind'],
  },
  maksdb_processes: { kind: 'gauge', help: 'Local processes that run, by kind.', labels: ['kind'] },
  maksdb_event_loop_lag_seconds: {
    kind: 'gauge',
    help: 'Longest delay of the event loop in the last ten seconds.',
    labels: [],
  },
} as const satisfies Record<string, MetricRow>

export type MetricName = keyof typeof METRICS
