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
/** The value that the last leader exported, while no operator leads: the alert must outlive the operator that reported it. */
const lastWord = (expr: string) =>
  `last_over_time(${expr}[1d]) and on (namespace, operator, pod) topk by (namespace, operator) (1, last_over_time(${m.operator('maksdb_operator_leader_since_timestamp_seconds')}[1d]) > 0) unless on (namespace, operator) ${m.operator('maksdb_operator_leader')} == 1`

const LOOK = '`kubectl get vc,pods -n <namespace>` and `kubectl describe vc <vectorcluster> -n <namespace>`.'

export const ALERTS: Alert[] = [
  {
    alert: 'MaksDBNoPrimary',
    // A shard that has lost its pods has no series of its own left; the routers still report its missing lease.
    expr: `max by (${CELL}) (${m.pod('maksdb_router_cell_leased')}) < 1 or sum by (${CELL}) (${m.pod('maksdb_primary')}) < 1`,
    for: '15s',
    severity: 'critical',
    summary: `${SHARD} has no primary.`,
    what: 'Routers answer its writes with 503; replicas continue to answer reads. Look at the pods of the shard and at Redis.',
    steps: [
      LOOK,
      'If the pods of the shard are not running: `kubectl describe pod <vectorcluster>-shard-<cell>-0` shows the reason (node lost, volume, image, memory).',
      'If they run: `kubectl logs <pod>` shows why no pod leads. If every shard of the VectorCluster has this alert, look at Redis first ([MaksDBRedisDown](#maksdbredisdown)).',
      'If the node of the pod is lost permanently, delete its Node object, so that Kubernetes starts the pod elsewhere.',
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
      '`kubectl get deployment <vectorcluster>-router` and the events of its pods show why no router runs.',
      'If the pods are ready: look at the targets of Prometheus; a NetworkPolicy may block port 7002.',
    ],
  },
  {
    alert: 'MaksDBNotReady',
    expr: `${ofCluster(condition('Ready'))} < 1 or ${ofCluster(lastWord(condition('Ready')))} < 1`,
    for: '2m',
    severity: 'critical',
    summary: `VectorCluster ${OF} is not ready.`,
    what: 'kubectl describe vc shows the reason, in the condition Ready and in events.',
    steps: [
      LOOK,
      'The reason and the message of the condition `Ready` name the failing object; [failure-modes.md](../kubernetes/failure-modes.md) lists each reason with its remedy.',
      'If no operator leads ([MaksDBOperatorDown](#maksdboperatordown)), this is the last state that an operator reported: the conditions are not updated until an operator leads again.',
    ],
  },
  {
    alert: 'MaksDBDegraded',
    expr: `${ofCluster(condition('Degraded'))} == 1`,
    for: '15m',
    severity: 'warning',
    summary: `VectorCluster ${OF} has been degraded for 15 minutes.`,
    what: 'The condition Degraded names the failing pod or object.',
    steps: [
      LOOK,
      'The reason of the condition `Degraded` is explained in [failure-modes.md](../kubernetes/failure-modes.md).',
      'Redundancy is reduced: do not drain nodes of this VectorCluster until the alert has ended.',
    ],
  },
  {
    alert: 'MaksDBReconcileFailing',
    expr: `${ofCluster(m.operator('maksdb_operator_reconcile_failing'))} == 1`,
    for: '5m',
    severity: 'warning',
    summary: `The operator cannot apply the manifest of VectorCluster ${OF}.`,
    what: 'Running pods continue to serve. The condition Degraded contains the error of the API server: remove its cause, and the operator applies the rest.',
    steps: [
      LOOK,
      '`NameTaken`: an object that does not belong to this VectorCluster has a name that the VectorCluster needs. Remove that object, or give the VectorCluster another name.',
      '`Refused` or `ReconcileFailed`: the message is the error of the API server, for example about a quota, an admission webhook, or a field of `podTemplate` that Kubernetes refuses. Correct the manifest, the quota or the webhook; the operator retries within a minute.',
      '`DriftRemains`: an admission webhook changes a field that the operator declares. Exempt the named object from the webhook.',
    ],
  },
  {
    alert: 'MaksDBReplayLag',
    expr: `max by (${POD}) (${m.pod('maksdb_replay_lag_entries')}) > 10000`,
    for: '2m',
    severity: 'warning',
    summary: 'Pod {{ $labels.pod }} is more than 10,000 entries behind the log.',
    what: 'The pod cannot lead, and it answers reads from an old state. Look at its CPU and at the write rate.',
    steps: [
      'Open the dashboard "MaksDB / Shards": if the lag is falling, the pod is catching up after a restart; wait.',
      'If the lag grows: compare the CPU of the pod with its limit, and the rate of commits with that of other shards.',
      'Raise `spec.resources`, or lower the write rate: a shard applies its log on one core.',
    ],
  },
  {
    alert: 'MaksDBFencedAppends',
    expr: `sum by (${CELL}) (increase(${m.pod('maksdb_fenced_appends_total')}[10m])) > 0`,
    for: '0m',
    severity: 'warning',
    summary: `The log refused appends of a former primary of shard {{ $labels.cell }} of ${OF}.`,
    what: 'No data was lost: the fence refused the appends. A pod was paused or cut off for longer than its lease.',
    steps: [
      'No repair is needed.',
      'If the alert returns: look for CPU throttling, swapping and paused nodes, and at the event loop lag of the pod.',
    ],
  },
  {
    alert: 'MaksDBLeaseFlaps',
    expr: `sum by (${CELL}) (increase(${m.pod('maksdb_lease_losses_total')}[15m])) > 3`,
    for: '0m',
    severity: 'warning',
    summary: `Pods of shard {{ $labels.cell }} of ${OF} lose their lease repeatedly.`,
    what: 'Redis is slow, or the pods lack CPU: look at commit latency, event loop lag and CPU limits.',
    steps: [
      'On "MaksDB / Shards" compare commit latency, event loop lag and CPU at the times of the losses.',
      'If commit latency is high on every shard: Redis or its disk is slow (`redis-cli --latency`, `appendfsync always` waits for the disk).',
      'If only one pod loses its lease: its node is short of CPU. Raise the requests, or move the pod.',
    ],
  },
  {
    alert: 'MaksDBReplicasDiverged',
    expr: `max by (${POD}) (${m.pod('maksdb_replicas_diverged')}) > 0`,
    for: '1m',
    severity: 'critical',
    summary: `Pods of shard {{ $labels.cell }} of ${OF} hold different rows.`,
    what: 'The rows of one of them are damaged. The log of this pod names the replica that differs; delete the volume of that replica, and its new pod copies the primary.',
    steps: [
      '`kubectl logs <pod>` names the replica that differs. Keep both volumes for a report.',
      'Take a copy of the volume of the replica, then `kubectl delete pvc,pod` of it: the new pod copies the primary.',
      'If the alert returns, the rows of the primary are damaged: delete its pod so that another pod leads, then its volume.',
    ],
  },
  {
    alert: 'MaksDBDirectoryCorrected',
    expr: `sum by (${CELL}) (increase(${m.pod('maksdb_directory_corrected_total')}[1h])) > 0`,
    for: '0m',
    severity: 'warning',
    summary: `The directory of ${OF} differed from the rows of shard {{ $labels.cell }} and was corrected.`,
    what: 'Another client wrote to the keys of the collection, or Redis evicts keys: maxmemory-policy must be noeviction. Reads may have missed points until the correction.',
    steps: [
      '`redis-cli config get maxmemory-policy` must print `noeviction`.',
      'Look for other users of the same Redis: keys that begin with `maksdb:` belong to MaksDB alone.',
      'The directory is correct again; no further repair is needed.',
    ],
  },
  {
    alert: 'MaksDBDirectoryMissing',
    expr: `max by (${CELL}) (${m.pod('maksdb_directory_missing')}) > 0`,
    for: '5m',
    severity: 'critical',
    summary: `The directory of ${OF} has entries for points of shard {{ $labels.cell }} that no shard holds.`,
    what: 'The log of the primary lists the ids. Write these points again, or delete them; keep the volumes for a report.',
    steps: [
      '`kubectl logs` of the primary of the shard lists the ids.',
      'Write those points again from their source, or delete them by id.',
      'Keep the volumes and the append-only file of Redis, and report a bug: this alert must never fire.',
    ],
  },
  {
    alert: 'MaksDBSnapshotOld',
    expr: `max by (${POD}) (${m.pod('maksdb_snapshot_age_seconds')}) > 3600 and max by (${POD}) (changes(${m.pod('maksdb_applied_seq')}[1h])) > 0`,
    for: '10m',
    severity: 'warning',
    summary: 'The newest snapshot of pod {{ $labels.pod }} is older than an hour.',
    what: 'The log cannot be trimmed and fills Redis. Look at maksdb_snapshot_failures_total, and for a full volume.',
    steps: [
      '`kubectl logs <pod>` shows why the snapshot failed.',
      'If the volume is full, raise `spec.storage.size` ([MaksDBVolumeFilling](#maksdbvolumefilling)).',
      'Until a snapshot succeeds, watch [MaksDBWalBudget](#maksdbwalbudget): the log of the shard grows.',
    ],
  },
  {
    alert: 'MaksDBWalBudget',
    expr: `max by (${CELL}) (${m.pod('maksdb_wal_bytes')} / ${m.pod('maksdb_wal_budget_bytes')}) > 0.8`,
    for: '5m',
    severity: 'warning',
    summary: `The log of shard {{ $labels.cell }} of ${OF} has used 80 % of its budget.`,
    what: 'At 100 % routers answer writes with 429. Look at snapshots and trim, or raise spec.redis.managed.storage.size.',
    steps: [
      'If a pod of the shard is down, the log is retained for it: start the pod again, or lower `spec.replicas`.',
      'If snapshots are old ([MaksDBSnapshotOld](#maksdbsnapshotold)), the log is trimmed only up to them.',
      'Otherwise writes are faster than snapshots: raise `spec.redis.managed.storage.size` (or `maxmemory` of an external Redis).',
    ],
  },
  {
    alert: 'MaksDBVolumeFilling',
    expr: `min by (${POD}) (${m.pod('maksdb_volume_free_bytes')} / ${m.pod('maksdb_volume_bytes')}) < 0.15`,
    for: '5m',
    severity: 'warning',
    summary: 'The volume of pod {{ $labels.pod }} has less than 15 % of its space left.',
    what: 'A pod with a full volume cannot write snapshots, and the log then fills Redis. Raise spec.storage.size.',
    steps: [
      'Raise `spec.storage.size`: the operator resizes the claims if the StorageClass allows it.',
      'If it does not, the condition `Degraded` has the reason `VolumeNotExpandable`: move to a StorageClass with `allowVolumeExpansion`.',
    ],
  },
  {
    alert: 'MaksDBMemoryHigh',
    expr: `max by (namespace, vectorcluster, maksdb_program, pod) (${m.process('process_resident_memory_bytes', 'shard|router')} / ${m.process('maksdb_memory_limit_bytes', 'shard|router')}) > 0.9`,
    for: '5m',
    severity: 'warning',
    summary: 'Pod {{ $labels.pod }} uses more than 90 % of its memory limit.',
    what: 'At the limit the kernel kills the pod. Raise spec.resources, or spread the points over more clusters.',
    steps: [
      'Raise `spec.resources.limits.memory` (for routers `spec.router.resources`).',
      'If the number of points of the shard grows, raise `spec.clusters` too: each pod then holds fewer points.',
    ],
  },
  {
    alert: 'MaksDBMemoryFull',
    expr: `min by (${POD}) (${m.pod('maksdb_memory_room_bytes')}) <= 0`,
    for: '1m',
    severity: 'critical',
    summary: 'Pod {{ $labels.pod }} has no memory left for writes.',
    what: 'Its shard refuses upserts, edits of payloads and updates of vectors with 507 MEMORY_FULL, so that the kernel does not kill the pod. Reads and deletes continue.',
    steps: [
      'Raise `spec.resources.limits.memory`: pods are replaced one at a time, and reads continue.',
      'If no more memory can be had: delete points. Dead rows are cleaned within seconds, and writes resume automatically.',
      'If the shard holds more points than the others, look at the balance of the cells in `GET /v1/collections/<collection>/topology`.',
    ],
  },
  {
    alert: 'MaksDBRedisDown',
    expr: `max by (${CLUSTER}) (${m.pod('maksdb_redis_up')}) < 1`,
    for: '30s',
    severity: 'critical',
    summary: `The Redis of ${OF} does not answer the routers.`,
    what: 'Writes stop, searches continue. Look at the Redis pod and its volume, or at the external Redis and its network.',
    steps: [
      '`kubectl get pods -l maksdb.io/cluster=<vectorcluster>,app.kubernetes.io/component=redis` and `kubectl logs` of it.',
      'For an external Redis: check that it is reachable from the namespace, and that the credential in the Secret is valid. The log of a router contains the error.',
      'Do not delete the volume of Redis: it holds the log. When Redis answers again, writes resume automatically.',
    ],
  },
  {
    alert: 'MaksDBRedisMemory',
    expr: `max by (${CLUSTER}) (${m.pod('maksdb_redis_memory_bytes')} / (${m.pod('maksdb_redis_memory_limit_bytes')} > 0)) > 0.85`,
    for: '5m',
    severity: 'warning',
    summary: `The Redis of ${OF} uses more than 85 % of its maxmemory.`,
    what: 'At 100 % routers answer writes with 507. Raise spec.redis.managed.storage.size and its memory limit, or maxmemory of the external Redis.',
    steps: [
      'On "MaksDB / Shards" look at the share of the log budget: if the share of one shard is high, its log is not trimmed ([MaksDBWalBudget](#maksdbwalbudget)).',
      'If not, the directory of ids grew with the number of points: raise `spec.redis.managed.storage.size` and its memory limit, or `maxmemory` of an external Redis.',
    ],
  },
  {
    alert: 'MaksDBRedisDiskFailing',
    expr: `min by (${CLUSTER}) (${m.pod('maksdb_redis_persistence_ok')}) == 0`,
    for: '1m',
    severity: 'critical',
    summary: `The Redis of ${OF} cannot write its append-only file.`,
    what: 'Redis refuses writes until it can write the file again. Its volume is full or broken.',
    steps: [
      '`kubectl logs` of the pod of Redis names the error of the file system.',
      'If the volume is full, raise `spec.redis.managed.storage.size`.',
    ],
  },
  {
    alert: 'MaksDBRedisNotDurable',
    expr: `min by (${CLUSTER}) (${m.pod('maksdb_redis_durable')}) == 0`,
    for: '1m',
    severity: 'critical',
    summary: `The settings of the Redis of ${OF} do not provide the durability of the manifest.`,
    what: 'An acknowledged write can be lost when Redis crashes. The condition RedisDurable lists the required settings.',
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
    what: 'Restore the newer data of Redis, or accept the loss with the annotation maksdb.io/accept-loss.',
    steps: [
      'Read [operations.md](../kubernetes/operations.md#redis-has-lost-something) before you do anything.',
      'If a newer copy of the data of Redis exists, restore it.',
      'If a pod or a volume with newer rows is missing, start the pod or restore the volume: the log is then repaired from it.',
      'Otherwise accept the loss as that page describes; the condition names the range of lost entries.',
    ],
  },
  {
    alert: 'MaksDBRouterErrors',
    expr: `sum by (${CLUSTER}) (rate(${m.pod('maksdb_http_request_seconds_count', `${API},status=~"5.."`)}[5m])) / sum by (${CLUSTER}) (rate(${m.pod('maksdb_http_request_seconds_count', API)}[5m])) > 0.01`,
    for: '5m',
    severity: 'warning',
    summary: `More than 1 % of the requests to ${OF} fail.`,
    what: 'maksdb_rejected_requests_total counts them by error code; docs/reference/errors.md explains each code.',
    steps: [
      'On "MaksDB / Overview" see the panel of errors by code; [errors.md](errors.md) explains each code.',
      'If the codes are `CELL_UNAVAILABLE` or `REDIS_UNAVAILABLE`, look at the alerts of the shard and of Redis first.',
    ],
  },
  {
    alert: 'MaksDBOperatorDown',
    // The second part is for an operator that runs and does not lead.
    expr: `absent(${m.operator('maksdb_operator_leader')}) or max by (namespace, operator) (${m.operator('maksdb_operator_leader')}) < 1`,
    for: '5m',
    severity: 'warning',
    summary: 'No MaksDB operator leads.',
    what: 'Reads and writes continue; no pod is repaired, scaled or replaced until an operator leads again.',
    steps: [
      '`kubectl get pods,lease -n <namespace of the release>` and `kubectl logs deploy/<release>-operator`.',
      'If its node is lost, delete the Node object, so that the pod starts elsewhere; `replicas: 2` in the values of the chart avoids the wait.',
      'If the pod is ready and leads, Prometheus does not scrape the operator: look at the targets of Prometheus.',
    ],
  },
  {
    alert: 'MaksDBOperatorErrors',
    expr: `sum by (namespace, operator) (increase(${m.operator('maksdb_operator_reconcile_total', 'result="error"')}[15m])) > 10`,
    for: '0m',
    severity: 'warning',
    summary: 'Reconciles of the MaksDB operator {{ $labels.namespace }}/{{ $labels.operator }} fail.',
    what: 'The log of the operator contains each error: "a reconcile failed".',
    steps: [
      '`kubectl logs deploy/<release>-operator -n <namespace> | grep "a reconcile failed"` names the VectorCluster and the error of the API server.',
      'Errors of permission (403) come from a chart that is older than the operator: run `helm upgrade`.',
    ],
  },
  {
    alert: 'MaksDBOperatorMissedEvents',
    expr: `sum by (namespace, operator) (increase(${m.operator('maksdb_operator_cache_misses_total')}[1h])) > 0`,
    for: '0m',
    severity: 'warning',
    summary: 'A watch of the MaksDB operator missed a change.',
    what: 'The next list found the change. Please report a bug: this alert must never fire.',
    steps: ['No repair is needed. Please report a bug with the log of the operator.'],
  },
]
