/** The first page to open: is it well, what does it serve, what is near its limit. */
import type { Dashboard } from './panels.ts'
import {
  ALERT_TABLE,
  CLUSTER,
  FIRING_ALERTS,
  latencies,
  max,
  OF_CLUSTER,
  OF_POD,
  of,
  ofCondition,
  ofProcess,
  orZero,
  POD,
  quantile,
  rate,
  sum,
  VARIABLES,
} from './queries.ts'

const QUERIES = 'route=~".*/points/(query|search).*"'
const WRITES = 'method=~"PUT|POST",route=~".*/points|.*/points/delete"'
/** Without probes and scrapes. */
const API = 'route=~"/collections.*"'
const requests = (matchers = API) => of('maksdb_http_request_seconds_count', matchers)
const buckets = (matchers: string) => of('maksdb_http_request_seconds_bucket', matchers)
const points = `${of('maksdb_points')} * ${of('maksdb_primary')}`
const used = (free: string, size: string) => `1 - ${free} / ${size}`

export const OVERVIEW: Dashboard = {
  title: 'MaksDB / Overview',
  description: 'Health, traffic and saturation of VectorClusters.',
  variables: VARIABLES,
  sections: [
    {
      row: 'Health',
      panels: [
        FIRING_ALERTS,
        {
          kind: 'stat',
          title: 'Not ready',
          description: 'VectorClusters whose condition Ready is not True. `kubectl describe vc` shows the reason.',
          unit: 'none',
          queries: [
            [
              orZero(`count(max by (vectorcluster_namespace, vectorcluster) (${ofCondition('Ready')}) < 1)`),
              'not ready',
            ],
          ],
          warn: 1,
          bad: 1,
          alerts: ['MaksDBNotReady'],
        },
        {
          kind: 'stat',
          title: 'No primary',
          description: 'Shards that accept no writes now, as observed by the routers.',
          unit: 'none',
          queries: [[orZero(`count(max by (${CLUSTER}, cell) (${of('maksdb_router_cell_leased')}) < 1)`), 'shards']],
          warn: 1,
          bad: 1,
          alerts: ['MaksDBNoPrimary'],
        },
        {
          kind: 'stat',
          title: 'QPS',
          description: 'Requests per second to the API, without probes and scrapes.',
          unit: 'reqps',
          queries: [[`sum(${rate(requests())})`, 'QPS']],
        },
        {
          kind: 'stat',
          title: 'Error rate',
          description: 'Share of requests that routers answered with 5xx. The alert fires above 1 %.',
          unit: 'percentunit',
          queries: [
            [`(sum(${rate(requests(`${API},status=~"5.."`))}) or vector(0)) / sum(${rate(requests())})`, 'errors'],
          ],
          warn: 0.001,
          bad: 0.01,
          alerts: ['MaksDBRouterErrors'],
        },
        {
          kind: 'stat',
          title: 'Query latency p99',
          description:
            'Latency of queries, from the first byte to the answer, in the slowest of the chosen VectorClusters.',
          unit: 's',
          queries: [[`max(${quantile(0.99, CLUSTER, buckets(QUERIES))})`, 'p99']],
          warn: 0.25,
          bad: 1,
        },
        {
          kind: 'stat',
          title: 'Points',
          description: 'Points of the chosen VectorClusters, each counted once, at the primary of its shard.',
          unit: 'short',
          queries: [[`sum(${points})`, 'points']],
        },
        {
          kind: 'stat',
          title: 'Fullest limit',
          description: 'The fullest of: log budget of a shard, volume of a pod, memory of Redis, memory of a pod.',
          unit: 'percentunit',
          queries: [
            [
              [
                `max(${of('maksdb_wal_bytes')} / ${of('maksdb_wal_budget_bytes')})`,
                `max(${used(of('maksdb_volume_free_bytes'), of('maksdb_volume_bytes'))})`,
                `max(${of('maksdb_redis_memory_bytes')} / (${of('maksdb_redis_memory_limit_bytes')} > 0))`,
                `max(${ofProcess('process_resident_memory_bytes', 'shard|router')} / ${ofProcess('maksdb_memory_limit_bytes', 'shard|router')})`,
              ]
                .map((expr, i) => `label_replace(${expr}, "of", "${i}", "", "")`)
                .reduce((all, one) => `${all} or ${one}`)
                .replace(/^/, 'max(')
                .concat(')'),
              'fullest',
            ],
          ],
          warn: 0.8,
          bad: 0.9,
          decimals: 0,
          alerts: ['MaksDBWalBudget', 'MaksDBVolumeFilling', 'MaksDBRedisMemory', 'MaksDBMemoryHigh'],
        },
        ALERT_TABLE,
      ],
    },
    {
      row: 'Traffic: rate, errors, latency',
      panels: [
        {
          kind: 'timeseries',
          title: 'QPS by VectorCluster',
          description: 'Requests per second that the routers of each VectorCluster answer, errors included.',
          unit: 'reqps',
          queries: [[sum(CLUSTER, rate(requests())), OF_CLUSTER]],
          alerts: ['MaksDBNoRouter'],
        },
        {
          kind: 'timeseries',
          title: 'QPS by operation',
          description: 'Requests per second by method and route.',
          unit: 'reqps',
          queries: [[sum(`${CLUSTER}, method, route`, rate(requests())), `${OF_CLUSTER} {{method}} {{route}}`]],
        },
        {
          kind: 'timeseries',
          title: 'Errors by code',
          description:
            'Requests that routers refused, by error code; docs/reference/errors.md explains each code. Not all are faults of MaksDB: BAD_REQUEST is an error of the client.',
          unit: 'reqps',
          queries: [
            [sum(`${CLUSTER}, code`, rate(of('maksdb_rejected_requests_total'))), `${OF_CLUSTER} {{code}}`],
            [sum(`${CLUSTER}, code`, rate(of('maksdb_shard_errors_total'))), `${OF_CLUSTER} shard call {{code}}`],
          ],
          noValue: 'No request was refused',
          alerts: ['MaksDBRouterErrors'],
        },
        {
          kind: 'timeseries',
          title: 'Query latency p50, p99',
          description: 'Duration of queries at the router: fan-out to the shards, search, merge.',
          unit: 's',
          queries: latencies(CLUSTER, buckets(QUERIES), OF_CLUSTER),
        },
        {
          kind: 'timeseries',
          title: 'Write latency p50, p99',
          description: 'Duration of upserts and deletes at the router, until the log has acknowledged them.',
          unit: 's',
          queries: latencies(CLUSTER, buckets(WRITES), OF_CLUSTER),
        },
        {
          kind: 'timeseries',
          title: 'Shards probed per query, mean',
          description: 'Number of shards that a query probes. An exact search probes all of them.',
          unit: 'none',
          decimals: 1,
          queries: [
            [
              `${sum(CLUSTER, rate(of('maksdb_probed_cells_sum')))} / ${sum(CLUSTER, rate(of('maksdb_probed_cells_count')))}`,
              OF_CLUSTER,
            ],
          ],
        },
        {
          kind: 'timeseries',
          title: 'Write throughput',
          description: 'Operations per second that the log has acknowledged.',
          unit: 'ops',
          queries: [[sum(CLUSTER, rate(of('maksdb_commits_total'))), OF_CLUSTER]],
        },
        {
          kind: 'timeseries',
          title: 'Points',
          description: 'Points, each counted once, at the primary of its shard.',
          unit: 'short',
          queries: [[sum(CLUSTER, points), OF_CLUSTER]],
        },
        {
          kind: 'timeseries',
          title: 'Shards with a primary',
          description: 'Falls while a shard fails over. The number of shards is spec.clusters.',
          unit: 'none',
          queries: [[sum(CLUSTER, max(`${CLUSTER}, cell`, of('maksdb_router_cell_leased'))), OF_CLUSTER]],
          alerts: ['MaksDBNoPrimary'],
        },
      ],
    },
    {
      row: 'Saturation',
      panels: [
        {
          kind: 'timeseries',
          title: 'CPU',
          description: 'Cores that shards and routers use, by pod. A shard applies its log on one core.',
          unit: 'none',
          decimals: 2,
          queries: [[sum(POD, rate(ofProcess('process_cpu_seconds_total', 'shard|router'))), OF_POD]],
        },
        {
          kind: 'timeseries',
          title: 'Memory, share of limit',
          description: 'Resident memory over the limit of the container (without one: of the machine).',
          unit: 'percentunit',
          max: 1,
          queries: [
            [
              max(
                POD,
                `${ofProcess('process_resident_memory_bytes', 'shard|router')} / ${ofProcess('maksdb_memory_limit_bytes', 'shard|router')}`,
              ),
              OF_POD,
            ],
          ],
          warn: 0.8,
          bad: 0.9,
          alerts: ['MaksDBMemoryHigh'],
        },
        {
          kind: 'timeseries',
          title: 'Volumes used',
          description: 'Used share of the volume of each shard pod. A pod with a full volume cannot write snapshots.',
          unit: 'percentunit',
          max: 1,
          queries: [[max(POD, used(of('maksdb_volume_free_bytes'), of('maksdb_volume_bytes'))), OF_POD]],
          warn: 0.75,
          bad: 0.85,
          alerts: ['MaksDBVolumeFilling'],
        },
      ],
    },
    {
      row: 'Redis',
      panels: [
        {
          kind: 'state',
          title: 'Redis up, durable, log complete',
          description:
            'Up: Redis answers the routers. Durable: its settings provide spec.durability. Log complete: red while writes are stopped because Redis lost entries.',
          unit: 'none',
          width: 24,
          words: { 1: ['yes', 'green'], 0: ['no', 'red'], '-1': ['unknown', 'yellow'] },
          queries: [
            [max(CLUSTER, of('maksdb_redis_up')), `${OF_CLUSTER} up`],
            [`min by (${CLUSTER}) (${of('maksdb_redis_durable')})`, `${OF_CLUSTER} durable`],
            [`1 - ${max(CLUSTER, of('maksdb_wal_regressed'))}`, `${OF_CLUSTER} log complete`],
          ],
          alerts: ['MaksDBRedisDown', 'MaksDBRedisNotDurable', 'MaksDBLogRegressed'],
        },
        {
          kind: 'timeseries',
          title: 'Redis memory, share of maxmemory',
          description:
            'Memory of the logs and the directory. At 100 % Redis refuses writes. The panel is empty if maxmemory is not set.',
          unit: 'percentunit',
          max: 1,
          queries: [
            [
              max(CLUSTER, `${of('maksdb_redis_memory_bytes')} / (${of('maksdb_redis_memory_limit_bytes')} > 0)`),
              OF_CLUSTER,
            ],
          ],
          warn: 0.7,
          bad: 0.85,
          alerts: ['MaksDBRedisMemory'],
        },
        {
          kind: 'timeseries',
          title: 'Redis memory',
          description: 'used_memory: data and buffers of Redis.',
          unit: 'bytes',
          queries: [[max(CLUSTER, of('maksdb_redis_memory_bytes')), OF_CLUSTER]],
        },
        {
          kind: 'timeseries',
          title: 'Redis CPU',
          description: 'Cores that Redis uses. Redis runs commands on one core: near 1 it is the bottleneck of writes.',
          unit: 'none',
          decimals: 2,
          queries: [[max(CLUSTER, rate(of('maksdb_redis_cpu_seconds_total'))), OF_CLUSTER]],
          warn: 0.8,
        },
        {
          kind: 'timeseries',
          title: 'Redis commands',
          description: 'Commands per second, of all clients.',
          unit: 'ops',
          queries: [[max(CLUSTER, rate(of('maksdb_redis_commands_total'))), OF_CLUSTER]],
        },
        {
          kind: 'timeseries',
          title: 'Redis clients',
          description: 'Open connections: a few for each shard and router.',
          unit: 'none',
          queries: [[max(CLUSTER, of('maksdb_redis_clients')), OF_CLUSTER]],
        },
        {
          kind: 'timeseries',
          title: 'Append-only file',
          description: 'Size of the append-only file on the volume of Redis. It falls when Redis rewrites the file.',
          unit: 'bytes',
          queries: [[max(CLUSTER, of('maksdb_redis_aof_bytes')), OF_CLUSTER]],
          alerts: ['MaksDBRedisDiskFailing'],
        },
      ],
    },
  ],
}
