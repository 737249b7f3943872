/** Series that fire each alert, series of a release where all is well, and series of others that must fire none. */

export interface Case {
  /** Series that fire it, and the same where all is well. */
  bad: [string, string][]
  good: [string, string][]
  labels: Record<string, string>
}

export const cluster = { namespace: 'n', vectorcluster: 'films' }
export const cell = { ...cluster, cell: '0' }
const pod = { ...cell, pod: 'films-shard-0-0' }
export const ours = { namespace: 'maksdb-system', operator: 'maksdb-operator' }

const ofCluster = 'namespace="n",vectorcluster="films",collection="films"'
export const shard = `${ofCluster},cell="0",pod="films-shard-0-0"`
const shardProcess = 'maksdb_program="shard",namespace="n",vectorcluster="films",cell="0",pod="films-shard-0-0"'
export const router = `${ofCluster},pod="films-router-a"`
export const operator = 'namespace="maksdb-system",operator="maksdb-operator",pod="operator-a"'
const failing = `maksdb_operator_reconcile_failing{${operator},vectorcluster_namespace="n",vectorcluster="films"}`
export const condition = (type: string, namespace = 'n', by = operator) =>
  `maksdb_operator_cluster_condition{${by},vectorcluster_namespace="${namespace}",vectorcluster="films",type="${type}"}`
export const since = `maksdb_operator_leader_since_timestamp_seconds{${operator}}`

export const CASES: Record<string, Case> = {
  MaksDBNoPrimary: {
    bad: [[`maksdb_primary{${shard}}`, '0x200']],
    good: [[`maksdb_primary{${shard}}`, '1x200']],
    labels: cell,
  },
  MaksDBNotReady: { bad: [[condition('Ready'), '-1x200']], good: [[condition('Ready'), '1x200']], labels: cluster },
  MaksDBDegraded: {
    bad: [[condition('Degraded'), '1x200']],
    good: [[condition('Degraded'), '0x200']],
    labels: cluster,
  },
  MaksDBReconcileFailing: {
    bad: [[failing, '1x200']],
    good: [[failing, '0x200']],
    labels: cluster,
  },
  MaksDBReplayLag: {
    bad: [[`maksdb_replay_lag_entries{${shard}}`, '20000x200']],
    good: [[`maksdb_replay_lag_entries{${shard}}`, '9000x200']],
    labels: pod,
  },
  MaksDBFencedAppends: {
    bad: [[`maksdb_fenced_appends_total{${shard}}`, '0+1x200']],
    good: [[`maksdb_fenced_appends_total{${shard}}`, '5x200']],
    labels: cell,
  },
  MaksDBLeaseFlaps: {
    bad: [[`maksdb_lease_losses_total{${shard}}`, '0+1x200']],
    good: [[`maksdb_lease_losses_total{${shard}}`, '5x200']],
    labels: cell,
  },
  MaksDBReplicasDiverged: {
    bad: [[`maksdb_replicas_diverged{${shard}}`, '1x200']],
    good: [[`maksdb_replicas_diverged{${shard}}`, '0x200']],
    labels: pod,
  },
  MaksDBDirectoryCorrected: {
    bad: [[`maksdb_directory_corrected_total{${shard}}`, '0x100 3x100']],
    good: [[`maksdb_directory_corrected_total{${shard}}`, '3x200']],
    labels: cell,
  },
  MaksDBDirectoryMissing: {
    bad: [[`maksdb_directory_missing{${shard}}`, '1x200']],
    good: [[`maksdb_directory_missing{${shard}}`, '0x200']],
    labels: cell,
  },
  MaksDBSnapshotOld: {
    bad: [
      [`maksdb_snapshot_age_seconds{${shard}}`, '4000x200'],
      [`maksdb_applied_seq{${shard}}`, '0+1x200'],
    ],
    good: [
      [`maksdb_snapshot_age_seconds{${shard}}`, '4000x200'],
      [`maksdb_applied_seq{${shard}}`, '7x200'],
    ],
    labels: pod,
  },
  MaksDBWalBudget: {
    bad: [
      [`maksdb_wal_bytes{${shard}}`, '90x200'],
      [`maksdb_wal_budget_bytes{${shard}}`, '100x200'],
    ],
    good: [
      [`maksdb_wal_bytes{${shard}}`, '70x200'],
      [`maksdb_wal_budget_bytes{${shard}}`, '100x200'],
    ],
    labels: cell,
  },
  MaksDBRedisNotDurable: {
    bad: [[`maksdb_redis_durable{${ofCluster}}`, '0x200']],
    good: [[`maksdb_redis_durable{${ofCluster}}`, '1x200']],
    labels: cluster,
  },
  MaksDBLogRegressed: {
    bad: [[`maksdb_wal_regressed{${ofCluster}}`, '1x200']],
    good: [[`maksdb_wal_regressed{${ofCluster}}`, '0x200']],
    labels: cluster,
  },
  MaksDBRouterErrors: {
    bad: [
      [`maksdb_http_request_seconds_count{${ofCluster},route="/collections/:c/points",status="200"}`, '0+50x200'],
      [`maksdb_http_request_seconds_count{${ofCluster},route="/collections/:c/points",status="503"}`, '0+1x200'],
    ],
    good: [
      [`maksdb_http_request_seconds_count{${ofCluster},route="/collections/:c/points",status="200"}`, '0+50x200'],
      [`maksdb_http_request_seconds_count{${ofCluster},route="/collections/:c/points",status="404"}`, '0+9x200'],
      [`maksdb_http_request_seconds_count{${ofCluster},route="/readyz",status="503"}`, '0+9x200'],
    ],
    labels: cluster,
  },
  MaksDBNoRouter: {
    bad: [
      [`maksdb_primary{${shard}}`, '1x200'],
      [`maksdb_redis_up{${router}}`, '1x50 stale'],
    ],
    good: [[`maksdb_primary{${shard}}`, '1x200']],
    labels: cluster,
  },
  MaksDBVolumeFilling: {
    bad: [
      [`maksdb_volume_bytes{${shard}}`, '100x200'],
      [`maksdb_volume_free_bytes{${shard}}`, '14x200'],
    ],
    good: [
      [`maksdb_volume_bytes{${shard}}`, '100x200'],
      [`maksdb_volume_free_bytes{${shard}}`, '16x200'],
    ],
    labels: pod,
  },
  MaksDBMemoryHigh: {
    bad: [
      [`process_resident_memory_bytes{${shardProcess}}`, '95x200'],
      [`maksdb_memory_limit_bytes{${shardProcess}}`, '100x200'],
    ],
    good: [
      [`process_resident_memory_bytes{${shardProcess}}`, '85x200'],
      [`maksdb_memory_limit_bytes{${shardProcess}}`, '100x200'],
    ],
    labels: { ...cluster, maksdb_program: 'shard', pod: pod.pod },
  },
  MaksDBMemoryFull: {
    bad: [[`maksdb_memory_room_bytes{${shard}}`, '-1x200']],
    good: [[`maksdb_memory_room_bytes{${shard}}`, '1000000x200']],
    labels: pod,
  },
  MaksDBRedisDown: {
    bad: [[`maksdb_redis_up{${router}}`, '0x200']],
    good: [
      [`maksdb_redis_up{${router}}`, '1x200'],
      // One router that is cut off is no reason to wake anybody: the others serve.
      [`maksdb_redis_up{${router.replace('router-a', 'router-b')}}`, '0x200'],
    ],
    labels: cluster,
  },
  MaksDBRedisMemory: {
    bad: [
      [`maksdb_redis_memory_bytes{${router}}`, '90x200'],
      [`maksdb_redis_memory_limit_bytes{${router}}`, '100x200'],
    ],
    good: [
      [`maksdb_redis_memory_bytes{${router}}`, '90x200'],
      // No limit.
      [`maksdb_redis_memory_limit_bytes{${router}}`, '0x200'],
    ],
    labels: cluster,
  },
  MaksDBRedisDiskFailing: {
    bad: [[`maksdb_redis_persistence_ok{${router}}`, '0x200']],
    good: [[`maksdb_redis_persistence_ok{${router}}`, '1x200']],
    labels: cluster,
  },
  MaksDBOperatorDown: {
    bad: [[`maksdb_operator_leader{${operator}}`, '0x200']],
    good: [
      [`maksdb_operator_leader{${operator}}`, '1x200'],
      [`maksdb_operator_leader{${operator.replace('operator-a', 'operator-b')}}`, '0x200'],
    ],
    labels: ours,
  },
  MaksDBOperatorErrors: {
    bad: [[`maksdb_operator_reconcile_total{${operator},result="error"}`, '0+2x200']],
    good: [[`maksdb_operator_reconcile_total{${operator},result="success"}`, '0+9x200']],
    labels: ours,
  },
  MaksDBOperatorMissedEvents: {
    bad: [[`maksdb_operator_cache_misses_total{${operator},kind="Pod"}`, '0x100 1x100']],
    good: [[`maksdb_operator_cache_misses_total{${operator},kind="Pod"}`, '0x200']],
    labels: ours,
  },
}

/** All is well with the release under test. */
export const WELL: [string, string][] = [
  [`maksdb_operator_leader{${operator}}`, '1x200'],
  [since, '1000x200'],
  [condition('Ready'), '1x200'],
  [condition('Degraded'), '0x200'],
  [`maksdb_redis_up{${router}}`, '1x200'],
]

const other = 'namespace="other",operator="maksdb-operator",pod="operator-a"'
/** Other operators in Go, other programs in Node, and a release of MaksDB that has its own rules and every problem. */
export const FOREIGN: [string, string][] = [
  ['leader_election_master_status{namespace="cert-manager",name="cert-manager-controller"}', '1x200'],
  ['controller_runtime_reconcile_total{namespace="argocd",controller="application",result="error"}', '0+9x200'],
  ['workqueue_depth{namespace="argocd",name="app_reconciliation_queue"}', '900x200'],
  ['up{namespace="cert-manager",job="cert-manager"}', '0x200'],
  ['process_resident_memory_bytes{namespace="n",pod="films-shard-0-0",job="node-app"}', '99x200'],
  ['nodejs_eventloop_lag_seconds{namespace="n",job="node-app"}', '9x200'],
  [`maksdb_operator_leader{${other}}`, '1x200'],
  [`maksdb_operator_leader_since_timestamp_seconds{${other}}`, '2000x200'],
  [condition('Ready', 'theirs', other), '0x200'],
  [condition('Degraded', 'theirs', other), '1x200'],
  [`maksdb_operator_reconcile_total{${other},result="error"}`, '0+9x200'],
  [`maksdb_operator_cache_misses_total{${other},kind="Pod"}`, '0+1x200'],
  [`maksdb_primary{${shard.replace('"n"', '"theirs"')}}`, '0x200'],
  [`maksdb_redis_up{${router.replace('"n"', '"theirs"')}}`, '0x200'],
]
