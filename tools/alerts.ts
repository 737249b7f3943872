/** The alerts of the chart, each with what to do when it fires. */
import { m } from './promql.ts'

export interface Alert {
  alert: string
  expr: string
  for: string
  severity: 'critical' | 'warning'
  summary: string
  what: string
  /** Its section of the runbook: what to look at and what to do, step by step, in Markdown. */
  steps: string[]
}

const CLUSTER = 'namespace, vectorcluster'
/** Without probes: /readyz answers 503 while a shard has no primary. */
const API = 'route=~"/collections.*"'
const CELL = `${CLUSTER}, cell`
const POD = `${CELL}, pod`
const SHARD = 'Shard {{ $labels.cell }} of {{ $labels.namespace }}/{{ $labels.vectorcluster }}'
const OF = '{{ $labels.namespace }}/{{ $labels.vectorcluster }}'

const condition = (type: string) => m.operator('maksdb_operator_cluster_condition', `type="${type}"`)
/** Of the operator's series, whose own namespace is another: by VectorCluster, with the namespace of that. */
const ofCluster = (expr: string) =>
  `max by (${CLUSTER}) (label_replace(max by (vectorcluster_namespace, vectorcluster) (${expr}), "namespace", "$1", "vectorcluster_namespace", "(.*)"))`
/** What the last leader said, while nobody leads: the news must not go with who told it. */
const lastWord = (expr: string) =>
  `last_over_time(${expr}[1d]) and on (namespace, operator, pod) topk by (namespace, operator) (1, last_over_time(${m.operator('maksdb_operator_leader_since_timestamp_seconds')}[1d]) > 0) unless on (namespace, operator) ${m.operator('maksdb_operator_leader')} == 1`

const LOOK = '`kubectl get vc,pods -n <namespace>` and `kubectl describe vc <vectorcluster> -n <namespace>`.'

export const ALERTS: Alert[] = [
  {
    alert: 'MaksDBNoPrimary',
    // A shard that has lost its pods has no series of its own left: then the routers say so.
    expr: `max by (${CELL}) (${m.pod('maksdb_router_cell_leased')}) < 1 or sum by (${CELL}) (${m.pod('maksdb_primary')}) < 1`,
    for: '15s',
    severity: 'critical',
    summary: `${SHARD} has no primary.`,
    what: 'Its writes are answered with 503; reads go on from replicas. Look at the pods of the shard and at Redis.',
    steps: [
      LOOK,
      'If the pods of the shard are not running: `kubectl describe pod <vectorcluster>-shard-<cell>-0` says why (node lost, volume, image, memory).',
      'If they run: `kubectl logs <pod>` says why none leads. If every shard of the VectorCluster is named, look at Redis first ([MaksDBRedisDown](#maksdbredisdown)).',
      'If the node of the pod is gone for good, delete its Node object, so that Kubernetes starts the pod elsewhere.',
    ],
  },
  {
    alert: 'MaksDBNoRouter',
    expr: `group by (${CLUSTER}) (${m.pod('maksdb_primary')}) unless group by (${CLUSTER}) (${m.pod('maksdb_redis_up')})`,
    for: '2m',
    severity: 'critical',
    summary: `No router of ${OF} serves metrics.`,
    what: 'Its shards run, but no router answers clients, or Prometheus cannot scrape the routers.',
    steps: [
      LOOK,
      '`kubectl get deployment <vectorcluster>-router` and the events of its pods say why none runs.',
      'If the pods are ready: look at the targets of Prometheus; a NetworkPolicy may keep it from port 7002.',
    ],
  },
  {
    alert: 'MaksDBNotReady',
    expr: `${ofCluster(condition('Ready'))} < 1 or ${ofCluster(lastWord(condition('Ready')))} < 1`,
    for: '2m',
    severity: 'critical',
    summary: `VectorCluster ${OF} is not ready.`,
    what: 'kubectl describe vc says why, in the condition Ready and in events.',
    steps: [
      LOOK,
      'The reason of the condition `Ready` names the object that is in trouble; [failure-modes.md](../kubernetes/failure-modes.md) lists each with what to do.',
      'If no operator leads ([MaksDBOperatorDown](#maksdboperatordown)), this is its last word: the conditions are no longer kept up to date.',
    ],
  },
  {
    alert: 'MaksDBDegraded',
    expr: `${ofCluster(condition('Degraded'))} == 1`,
    for: '15m',
    severity: 'warning',
    summary: `VectorCluster ${OF} has been degraded for 15 minutes.`,
    what: 'The condition Degraded names the pod or the object that is in trouble.',
    steps: [
      LOOK,
      'The reason of the condition `Degraded` is explained in [failure-modes.md](../kubernetes/failure-modes.md).',
      'Redundancy is reduced: do not drain nodes of this VectorCluster until it is over.',
    ],
  },
  {
    alert: 'MaksDBReconcileFailing',
    expr: `${ofCluster(m.operator('maksdb_operator_reconcile_failing'))} == 1`,
    for: '5m',
    severity: 'warning',
    summary: `The operator cannot carry out the manifest of VectorCluster ${OF}.`,
    what: 'What runs goes on. The condition Degraded has the sentence of the API server: do what it says, and the rest follows.',
    steps: [
      LOOK,
      '`NameTaken`: an object that is not of this VectorCluster has a name that it needs. Remove that object, or give the VectorCluster another name.',
      '`Refused` or `ReconcileFailed`: the message is the sentence of the API server, such as that of a quota, an admission webhook, or a field of `podTemplate` that Kubernetes refuses. Correct the manifest or what refuses it; the operator asks again within a minute.',
      '`DriftRemains`: an admission webhook changes what the operator declares. Make an exception for the named object.',
    ],
  },
  {
    alert: 'MaksDBReplayLag',
    expr: `max by (${POD}) (${m.pod('maksdb_replay_lag_entries')}) > 10000`,
    for: '2m',
    severity: 'warning',
    summary: 'Pod {{ $labels.pod }} is more than 10,000 entries behind the log.',
    what: 'It cannot lead and answers with old state. Look at its CPU and at the rate of writes.',
    steps: [
      'Open the dashboard "MaksDB / Shards": is the lag falling? Then the pod catches up after a restart; wait.',
      'If it grows: compare the CPU of the pod with its limit, and the rate of commits with that of other shards.',
      'Raise `spec.resources`, or write more slowly: the limit of one shard is what one core can apply.',
    ],
  },
  {
    alert: 'MaksDBFencedAppends',
    expr: `sum by (${CELL}) (increase(${m.pod('maksdb_fenced_appends_total')}[10m])) > 0`,
    for: '0m',
    severity: 'warning',
    summary: `The log refused appends of a pod of shard {{ $labels.cell }} of ${OF} that no longer led.`,
    what: 'Nothing was lost: the fence did its work. A pod was paused or cut off for longer than its lease.',
    steps: [
      'Nothing has to be repaired.',
      'If it comes again: look for CPU throttling, swapping and paused nodes, and at the event loop lag of the pod.',
    ],
  },
  {
    alert: 'MaksDBLeaseFlaps',
    expr: `sum by (${CELL}) (increase(${m.pod('maksdb_lease_losses_total')}[15m])) > 3`,
    for: '0m',
    severity: 'warning',
    summary: `Pods of shard {{ $labels.cell }} of ${OF} lose their lease again and again.`,
    what: 'Redis is slow or the pods starve: look at commit times, event loop lag and CPU limits.',
    steps: [
      'On "MaksDB / Shards" compare commit latency, event loop lag and CPU at the times of the losses.',
      'If commit latency is high on every shard: Redis or its disk is slow (`redis-cli --latency`, `appendfsync always` waits for the disk).',
      'If only one pod loses its lease: its node is short of CPU. Raise the requests, or move the pod.',
    ],
  },
  {
    alert: 'MaksDBCopiesDiffer',
    expr: `max by (${POD}) (${m.pod('maksdb_copies_differing')}) > 0`,
    for: '1m',
    severity: 'critical',
    summary: `Pods of shard {{ $labels.cell }} of ${OF} hold different rows.`,
    what: 'One of them is damaged. The log of this pod names its peer; delete the volume of the replica, which then copies its peer.',
    steps: [
      '`kubectl logs <pod>` names the peer that differs. Keep both volumes for a report.',
      'Take a copy of the volume of the replica, then `kubectl delete pvc,pod` of it: the new pod copies the primary.',
      'If the alert comes back, the primary is the damaged one: delete its pod so that another leads, then its volume.',
    ],
  },
  {
    alert: 'MaksDBDirectoryCorrected',
    expr: `sum by (${CELL}) (increase(${m.pod('maksdb_directory_corrected_total')}[1h])) > 0`,
    for: '0m',
    severity: 'warning',
    summary: `The directory of ${OF} did not say what shard {{ $labels.cell }} holds, and was corrected.`,
    what: 'Somebody else wrote to the keys of the collection, or Redis evicts keys: look at maxmemory-policy, which must be noeviction. Points may have been missing from reads until then.',
    steps: [
      '`redis-cli config get maxmemory-policy` must say `noeviction`.',
      'Look for other users of the same Redis: keys that begin with `maksdb:` belong to MaksDB alone.',
      'The directory is right again; reads need no repair.',
    ],
  },
  {
    alert: 'MaksDBDirectoryMissing',
    expr: `max by (${CELL}) (${m.pod('maksdb_directory_missing')}) > 0`,
    for: '5m',
    severity: 'critical',
    summary: `The directory of ${OF} tells of points in shard {{ $labels.cell }} that no shard holds.`,
    what: 'The log of the primary names them. Write them again, or delete them; keep the volumes for a report.',
    steps: [
      '`kubectl logs` of the primary of the shard lists the ids.',
      'Write those points again from their source, or delete them by id.',
      'Keep the volumes and the append-only file of Redis, and report it: this must not happen.',
    ],
  },
  {
    alert: 'MaksDBSnapshotOld',
    expr: `max by (${POD}) (${m.pod('maksdb_snapshot_age_seconds')}) > 3600 and max by (${POD}) (changes(${m.pod('maksdb_applied_seq')}[1h])) > 0`,
    for: '10m',
    severity: 'warning',
    summary: 'The newest snapshot of pod {{ $labels.pod }} is older than an hour.',
    what: 'The log cannot be cut and fills Redis. Look for maksdb_snapshot_failures_total and a full volume.',
    steps: [
      '`kubectl logs <pod>` says why the snapshot failed.',
      'If the volume is full, let `spec.storage.size` grow ([MaksDBVolumeFilling](#maksdbvolumefilling)).',
      'Until then watch [MaksDBWalBudget](#maksdbwalbudget): the log of the shard grows.',
    ],
  },
  {
    alert: 'MaksDBWalBudget',
    expr: `max by (${CELL}) (${m.pod('maksdb_wal_bytes')} / ${m.pod('maksdb_wal_budget_bytes')}) > 0.8`,
    for: '5m',
    severity: 'warning',
    summary: `The log of shard {{ $labels.cell }} of ${OF} has used 80 % of its budget.`,
    what: 'At 100 % writes are answered with 429. Look at snapshots and trim, or let spec.redis.managed.storage grow.',
    steps: [
      'Is a pod of the shard down? The log is kept for it: bring it back, or lower `spec.replicas`.',
      'Are snapshots old ([MaksDBSnapshotOld](#maksdbsnapshotold))? The log is cut only below them.',
      'Else writes are faster than snapshots: let `spec.redis.managed.storage` (or `maxmemory` of an external Redis) grow.',
    ],
  },
  {
    alert: 'MaksDBVolumeFilling',
    expr: `min by (${POD}) (${m.pod('maksdb_volume_free_bytes')} / ${m.pod('maksdb_volume_bytes')}) < 0.15`,
    for: '5m',
    severity: 'warning',
    summary: 'The volume of pod {{ $labels.pod }} has less than 15 % of its space left.',
    what: 'A full volume takes no snapshots, and the log then fills Redis. Let spec.storage.size grow.',
    steps: [
      'Let `spec.storage.size` grow: the operator resizes the claims if the StorageClass allows it.',
      'If it does not, the condition `Degraded` says `VolumeNotExpandable`: move to a StorageClass with `allowVolumeExpansion`.',
    ],
  },
  {
    alert: 'MaksDBMemoryHigh',
    expr: `max by (namespace, vectorcluster, maksdb_program, pod) (${m.process('process_resident_memory_bytes', 'shard|router')} / ${m.process('maksdb_memory_limit_bytes', 'shard|router')}) > 0.9`,
    for: '5m',
    severity: 'warning',
    summary: 'Pod {{ $labels.pod }} uses more than 90 % of its memory limit.',
    what: 'The kernel ends it when it reaches the limit. Raise spec.resources, or spread the points over more clusters.',
    steps: [
      'Raise `spec.resources.limits.memory` (for routers `spec.router.resources`).',
      'If the points of the shard grow, raise `spec.clusters` too: each pod then holds fewer.',
    ],
  },
  {
    alert: 'MaksDBRedisDown',
    expr: `max by (${CLUSTER}) (${m.pod('maksdb_redis_up')}) < 1`,
    for: '30s',
    severity: 'critical',
    summary: `The Redis of ${OF} answers no router.`,
    what: 'Writes stop, searches go on. Look at the pod of Redis and its volume, or at the external Redis and its network.',
    steps: [
      '`kubectl get pods -l maksdb.io/cluster=<vectorcluster>,app.kubernetes.io/component=redis` and `kubectl logs` of it.',
      'For an external Redis: is it reachable from the namespace, and is the credential in the Secret still right? The log of a router has the error.',
      'Do not delete the volume of Redis: it holds the log. When Redis is back, writes go on by themselves.',
    ],
  },
  {
    alert: 'MaksDBRedisMemory',
    expr: `max by (${CLUSTER}) (${m.pod('maksdb_redis_memory_bytes')} / (${m.pod('maksdb_redis_memory_limit_bytes')} > 0)) > 0.85`,
    for: '5m',
    severity: 'warning',
    summary: `The Redis of ${OF} uses more than 85 % of its maxmemory.`,
    what: 'At 100 % writes are answered with 507. Let spec.redis.managed grow, or raise maxmemory of the external Redis.',
    steps: [
      'On "MaksDB / Shards" look at the share of the log budget: if one shard is high, its log is not cut ([MaksDBWalBudget](#maksdbwalbudget)).',
      'If not, the directory of ids grew with the number of points: let `spec.redis.managed.storage` and its memory limit grow, or raise `maxmemory`.',
    ],
  },
  {
    alert: 'MaksDBRedisDiskFailing',
    expr: `min by (${CLUSTER}) (${m.pod('maksdb_redis_persistence_ok')}) == 0`,
    for: '1m',
    severity: 'critical',
    summary: `The Redis of ${OF} cannot write its append-only file.`,
    what: 'Redis refuses writes until it can. Its volume is full or broken.',
    steps: [
      '`kubectl logs` of the pod of Redis names the error of the file system.',
      'If the volume is full, let `spec.redis.managed.storage` grow.',
    ],
  },
  {
    alert: 'MaksDBRedisNotDurable',
    expr: `min by (${CLUSTER}) (${m.pod('maksdb_redis_durable')}) == 0`,
    for: '1m',
    severity: 'critical',
    summary: `The Redis of ${OF} does not carry the durability that was asked for.`,
    what: 'An acknowledged write can be lost when Redis crashes. The condition RedisDurable lists the settings that it needs.',
    steps: [
      '`kubectl describe vc <vectorcluster>`: the condition `RedisDurable` lists the settings.',
      'Set them in the external Redis (configuration file and `CONFIG SET`), or choose another `spec.durability`.',
    ],
  },
  {
    alert: 'MaksDBLogRegressed',
    expr: `max by (${CLUSTER}) (${m.pod('maksdb_wal_regressed')}) == 1`,
    for: '0m',
    severity: 'critical',
    summary: `Redis has lost entries of the log of ${OF}; writes are stopped.`,
    what: 'Bring the newer data of Redis back, or accept the loss with the annotation maksdb.io/accept-loss.',
    steps: [
      'Read [operations.md](../kubernetes/operations.md#redis-has-lost-something) before you do anything.',
      'If a newer copy of the data of Redis exists, restore it.',
      'If a pod or a volume with newer rows is away, bring it back: the log is then repaired from it.',
      'Else accept the loss as the page says; the condition names the range that is lost.',
    ],
  },
  {
    alert: 'MaksDBRouterErrors',
    expr: `sum by (${CLUSTER}) (rate(${m.pod('maksdb_http_request_seconds_count', `${API},status=~"5.."`)}[5m])) / sum by (${CLUSTER}) (rate(${m.pod('maksdb_http_request_seconds_count', API)}[5m])) > 0.01`,
    for: '5m',
    severity: 'warning',
    summary: `More than 1 % of the requests to ${OF} fail.`,
    what: 'maksdb_rejected_requests_total says with which codes, docs/reference/errors.md what they mean.',
    steps: [
      'On "MaksDB / Overview" see the panel of errors by code; [errors.md](errors.md) says what each means.',
      'With `SHARD_UNAVAILABLE` or `REDIS_UNAVAILABLE` look at the alerts of the shard and of Redis first.',
    ],
  },
  {
    alert: 'MaksDBOperatorDown',
    // The second part is for an operator that runs and does not lead.
    expr: `absent(${m.operator('maksdb_operator_leader')}) or max by (namespace, operator) (${m.operator('maksdb_operator_leader')}) < 1`,
    for: '5m',
    severity: 'warning',
    summary: 'No MaksDB operator leads.',
    what: 'Reads and writes go on; nothing is repaired, scaled or replaced until an operator runs again.',
    steps: [
      '`kubectl get pods,lease -n <namespace of the release>` and `kubectl logs deploy/<release>-operator`.',
      'If its node is lost, delete the Node object, so that the pod starts elsewhere; `replicas: 2` in the values of the chart avoids the wait.',
      'If the pod is ready and leads: look at the targets of Prometheus; it does not scrape the operator.',
    ],
  },
  {
    alert: 'MaksDBOperatorErrors',
    expr: `sum by (namespace, operator) (increase(${m.operator('maksdb_operator_reconcile_total', 'result="error"')}[15m])) > 10`,
    for: '0m',
    severity: 'warning',
    summary: 'Reconciles of the MaksDB operator {{ $labels.namespace }}/{{ $labels.operator }} fail.',
    what: 'Its log has the error of each: "a reconcile failed".',
    steps: [
      '`kubectl logs deploy/<release>-operator -n <namespace> | grep "a reconcile failed"` names the VectorCluster and the sentence of the API server.',
      'Errors of permission (403) come from a chart that is older than the operator: run `helm upgrade`.',
    ],
  },
  {
    alert: 'MaksDBOperatorMissedEvents',
    expr: `sum by (namespace, operator) (increase(${m.operator('maksdb_operator_cache_misses_total')}[1h])) > 0`,
    for: '0m',
    severity: 'warning',
    summary: 'A watch of the MaksDB operator missed a change.',
    what: 'It was found by the next list. Please report it: this must not happen.',
    steps: ['Nothing has to be repaired. Please report it with the log of the operator.'],
  },
]
