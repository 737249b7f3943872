/** What a process exports on its admin port. */
import type { ProcessStatus } from '../../cli/status.ts'

type Exporter = Pick<ProcessStatus, 'adminPort'>

/** All samples, by series: the name, and the labels as they are written. */
export async function metricsOf({ adminPort }: Exporter): Promise<Map<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
  return new Map(
    text.split('\n').flatMap((line): [string, number][] => {
      const [, series, value] = /^([^#]\S*) (\S+)$/.exec(line) ?? []
      return series === undefined ? [] : [[series, Number(value)]]
    }),
  )
}

/** The first sample of a name. Throws if the process has none: a metric that is absent is not 0. */
export async function metricOf(process: Exporter, name: string): Promise<number> {
  for (const [series, value] of await metricsOf(process))
    if (series === name || series.startsWith(`${name}{`)) return value
  throw new Error(`there is no metric ${name} on port ${process.adminPort}`)
}
