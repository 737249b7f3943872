/** What a row of the table of metrics is, and the labels and buckets that rows share. */
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

export const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const
/** Whose a series is; the namespace is the scraper's to add, with that of the pod. */
export const CLUSTER = ['vectorcluster', 'collection'] as const
export const CELL = [...CLUSTER, 'cell'] as const
