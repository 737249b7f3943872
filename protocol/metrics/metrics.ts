/** Every metric, named and described once. docs/reference/metrics.md is generated from these tables. */
import { CONTROL_METRICS } from './control.ts'
import { ROUTER_METRICS } from './router.ts'
import type { MetricRow } from './row.ts'
import { SHARD_METRICS } from './shard.ts'

export type { MetricKind, MetricRow, Program } from './row.ts'

/** What a series of a process carries, also those that prom-client makes: names that other software exports as well. */
export const PROCESS_LABELS = ['maksdb_program', 'vectorcluster', 'cell', 'operator'] as const
const ALL = ['shard', 'router', 'supervisor', 'operator'] as const

export const METRICS = {
  ...SHARD_METRICS,
  ...ROUTER_METRICS,
  ...CONTROL_METRICS,
  maksdb_event_loop_lag_seconds: {
    programs: ALL,
    kind: 'gauge',
    help: 'Longest delay of the event loop in the last ten seconds.',
    labels: PROCESS_LABELS,
  },
  maksdb_memory_limit_bytes: {
    programs: ALL,
    kind: 'gauge',
    help: 'Memory that the process may use: the limit of its container, or the memory of the machine if there is no limit.',
    labels: PROCESS_LABELS,
  },
} as const satisfies Record<string, MetricRow>

export type MetricName = keyof typeof METRICS

/** Those that prom-client makes for every process, as far as alerts and dashboards name them. */
export const PROCESS_METRICS = [
  'process_cpu_seconds_total',
  'process_resident_memory_bytes',
  'process_start_time_seconds',
  'process_open_fds',
  'nodejs_heap_size_used_bytes',
  'nodejs_external_memory_bytes',
] as const
