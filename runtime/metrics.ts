/** The prom-client registry of a process, built from the table in protocol/metrics/metrics.ts. */
import { totalmem } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { METRICS, type MetricName, type MetricRow, PROCESS_LABELS, type Program } from '../protocol/metrics/metrics.ts'

type Labels = Record<string, string | number>
const EVENT_LOOP_WINDOW_MS = 10_000
/** Each look wakes the process. A look that comes late by less is none: a lag is told to within so much. */
const EVENT_LOOP_LOOK_MS = 50

export class Metrics {
  readonly registry = new Registry()
  readonly #fixed: Labels
  readonly #made = new Map<MetricName, Counter | Gauge | Histogram>()

  /**
   * @param fixed labels that every sample of this process carries, where the metric has them; what needs no other labels
   * is there from the start, so that a rate over it is never missing
   */
  constructor(program: Program, fixed: Labels = {}) {
    this.#fixed = { maksdb_program: program, ...fixed }
    for (const [name, row] of Object.entries(METRICS) as [MetricName, MetricRow][]) {
      if (!row.programs.includes(program)) continue
      const metric = this.#metric(name)
      if (!row.labels.every((label) => label in this.#fixed)) continue
      if (metric instanceof Histogram) metric.zero(this.#labels(name, {}))
      else metric.inc(this.#labels(name, {}), 0)
    }
    const ofProcess = Object.fromEntries(
      PROCESS_LABELS.flatMap((label) => (this.#fixed[label] === undefined ? [] : [[label, this.#fixed[label]]])),
    )
    collectDefaultMetrics({
      register: this.registry,
      labels: ofProcess,
      eventLoopMonitoringPrecision: EVENT_LOOP_LOOK_MS,
    })
    this.set('maksdb_memory_limit_bytes', memoryLimit())
    this.set('maksdb_event_loop_lag_seconds', 0)
    const looks = monitorEventLoopDelay({ resolution: EVENT_LOOP_LOOK_MS })
    looks.enable()
    setInterval(() => {
      // What is recorded is the time between two looks.
      const lagSeconds = looks.max / 1e9 - EVENT_LOOP_LOOK_MS / 1000
      this.set('maksdb_event_loop_lag_seconds', Math.max(0, lagSeconds))
      looks.reset()
    }, EVENT_LOOP_WINDOW_MS).unref()
  }

  add(name: MetricName, by = 1, labels: Labels = {}): void {
    ;(this.#metric(name) as Counter).inc(this.#labels(name, labels), by)
  }

  set(name: MetricName, value: number, labels: Labels = {}): void {
    ;(this.#metric(name) as Gauge).set(this.#labels(name, labels), value)
  }

  /** A counter that is kept elsewhere, and begins again when what keeps it does. */
  follow(name: MetricName, total: number, labels: Labels = {}): void {
    const counter = this.#metric(name) as Counter
    const own = this.#labels(name, labels)
    counter.remove(own)
    counter.inc(own, total)
  }

  observe(name: MetricName, value: number, labels: Labels = {}): void {
    ;(this.#metric(name) as Histogram).observe(this.#labels(name, labels), value)
  }

  /** Takes away every series that has these labels. */
  remove(name: MetricName, labels: Labels): void {
    const metric = this.#metric(name) as Gauge
    void metric.get().then(({ values }) => {
      for (const value of values) {
        const has = value.labels as Labels
        if (Object.entries(labels).every(([label, wanted]) => String(has[label]) === String(wanted))) metric.remove(has)
      }
    })
  }

  #labels(name: MetricName, labels: Labels): Labels {
    const own: Labels = {}
    for (const label of METRICS[name].labels) {
      const value = labels[label] ?? this.#fixed[label]
      if (value !== undefined) own[label] = value
    }
    return own
  }

  #metric(name: MetricName): Counter | Gauge | Histogram {
    const made = this.#made.get(name)
    if (made) return made
    const row: MetricRow = METRICS[name]
    const options = { name, help: row.help, labelNames: [...row.labels], registers: [this.registry] }
    const metric =
      row.kind === 'counter'
        ? new Counter(options)
        : row.kind === 'gauge'
          ? new Gauge(options)
          : new Histogram({ ...options, buckets: [...(row.buckets ?? [])] })
    this.#made.set(name, metric)
    return metric
  }
}

/** The limit of the container (0 or an enormous number where there is none), or all of the machine. */
function memoryLimit(): number {
  const limit = process.constrainedMemory()
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}
