/** Tables in Markdown, as the benchmarks print them, and times of work in this process. */

export type Cell = string | number

/** Numbers below 100 have a decimal, below 1 three. */
export function row(...cells: readonly Cell[]): void {
  const shown = cells.map((cell) => {
    if (typeof cell === 'string') return cell
    return cell.toLocaleString('en', { maximumFractionDigits: Math.abs(cell) < 1 ? 3 : Math.abs(cell) < 100 ? 1 : 0 })
  })
  console.log(`| ${shown.join(' | ')} |`)
}

export function table(title: string, ...columns: readonly string[]): void {
  console.log(`\n## ${title}\n`)
  row(...columns)
  row(...columns.map(() => '---'))
}

export function times(value: number, base: number): string {
  return `${(value / base).toFixed(2)}x`
}

export function percent(value: number, whole: number): string {
  return `${((100 * value) / whole).toFixed(0)} %`
}

export function thousands(count: number): string {
  return count.toLocaleString('en')
}

/** Times of work are the best of so long. */
const RUN_MS = 1500

/** Of this process with all its threads, in ms: what other programs do on the same cores does not count. */
export function cpuClock(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

export function wallClock(): number {
  return performance.now()
}

/** Seconds of the fastest run: other programs and other guests of the machine can only make a run slower. */
export async function fastest(work: () => unknown, clock: () => number): Promise<number> {
  await work()
  let best = Number.POSITIVE_INFINITY
  const until = performance.now() + RUN_MS
  while (performance.now() < until) {
    const started = clock()
    await work()
    best = Math.min(best, clock() - started)
  }
  return best / 1000
}

export function median(list: readonly number[]): number {
  return list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN
}
