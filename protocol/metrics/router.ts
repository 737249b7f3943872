/** What routers serve: requests, and what they see of the cells and of Redis. */
import { CELL, CLUSTER, type MetricRow, SECONDS } from './row.ts'

const ROUTER = ['router'] as const

export const ROUTER_METRICS = {
  maksdb_rejected_requests_total: {
    programs: ROUTER,
    kind: 'counter',
    help: 'Requests that the router refused, by error code.',
    labels: ['vectorcluster', 'code'],
  },
  maksdb_grpc_request_seconds: {
    programs: ROUTER,
    kind: 'histogram',
    help: 'Duration of a gRPC call, by method and status.',
    labels: ['vectorcluster', 'method', 'status'],
    buckets: SECONDS,
  },
  maksdb_http_request_seconds: {
    programs: ROUTER,
    kind: 'histogram',
    help: 'Duration of a REST request, by method, route and status.',
    labels: ['vectorcluster', 'method', 'route', 'status'],
    buckets: SECONDS,
  },
  maksdb_shard_errors_total: {
    programs: ROUTER,
    kind: 'counter',
    help: 'Calls to shards that failed, by error code.',
    labels: ['vectorcluster', 'code'],
  },
  maksdb_probed_cells: {
    programs: ROUTER,
    kind: 'histogram',
    help: 'Cells that a search probed.',
    labels: CLUSTER,
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
  },
  maksdb_router_cell_leased: {
    programs: ROUTER,
    kind: 'gauge',
    help: '1 if this router sees a primary with a valid lease for the cell, 0 if not or if Redis does not answer.',
    labels: CELL,
  },
  maksdb_router_cell_pods: {
    programs: ROUTER,
    kind: 'gauge',
    help: 'Pods of the cell that send heartbeats, as this router sees them in Redis.',
    labels: CELL,
  },
  maksdb_redis_up: {
    programs: ROUTER,
    kind: 'gauge',
    help: '1 if Redis answered the last read of this router, 0 if not.',
    labels: CLUSTER,
  },
  maksdb_redis_memory_bytes: {
    programs: ROUTER,
    kind: 'gauge',
    help: 'Memory that Redis uses for data and buffers (used_memory).',
    labels: CLUSTER,
  },
  maksdb_redis_memory_limit_bytes: {
    programs: ROUTER,
    kind: 'gauge',
    help: 'maxmemory of Redis, beyond which it refuses writes; 0 if it has none.',
    labels: CLUSTER,
  },
  maksdb_redis_clients: {
    programs: ROUTER,
    kind: 'gauge',
    help: 'Connections that clients have open to Redis.',
    labels: CLUSTER,
  },
  maksdb_redis_commands_total: {
    programs: ROUTER,
    kind: 'counter',
    help: 'Commands that Redis has processed since its start.',
    labels: CLUSTER,
  },
  maksdb_redis_cpu_seconds_total: {
    programs: ROUTER,
    kind: 'counter',
    help: 'CPU time of Redis since its start, user and system.',
    labels: CLUSTER,
  },
  maksdb_redis_aof_bytes: {
    programs: ROUTER,
    kind: 'gauge',
    help: 'Size of the append-only file of Redis on its volume.',
    labels: CLUSTER,
  },
  maksdb_redis_persistence_ok: {
    programs: ROUTER,
    kind: 'gauge',
    help: '1 if the last writes of Redis to its append-only file succeeded, 0 if not, for example because its volume is full.',
    labels: CLUSTER,
  },
} as const satisfies Record<string, MetricRow>
