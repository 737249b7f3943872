/**
 * Names and selectors of PromQL, so that alerts and dashboards cannot speak of what no process serves: a name that is not
 * in protocol/metrics/metrics.ts does not compile, and none is selected without a label of ours. Names that all software shares
 * (process_*) are taken only with the label that our processes alone carry.
 */
import type { MetricName, PROCESS_METRICS } from '../protocol/metrics/metrics.ts'

export type Sample = MetricName | `${MetricName}_${'bucket' | 'count' | 'sum'}`
export type ProcessMetric =
  | (typeof PROCESS_METRICS)[number]
  | 'maksdb_memory_limit_bytes'
  | 'maksdb_event_loop_lag_seconds'

/** What the chart puts in the place of these: the namespaces that its operator watches, and that operator. */
export const SCOPE = 'namespace=~".*"'
export const RELEASE = 'namespace=~".*",operator=~".*"'

export function selector(name: Sample | ProcessMetric, ...matchers: string[]): string {
  return `${name}{${matchers.filter((one) => one !== '').join(',')}}`
}

export const m = {
  /** Of a shard or a router. */
  pod: (name: Sample, matchers = '') => selector(name, SCOPE, matchers),
  /** Of the operator of this release. */
  operator: (name: Sample, matchers = '') => selector(name, RELEASE, matchers),
  /** What every process has, of some programs. */
  process: (name: ProcessMetric, programs: string) => selector(name, SCOPE, `maksdb_program=~"${programs}"`),
}
