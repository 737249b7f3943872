/** `npm run fuzz -- --requests 100000 --seed 1`: prints what came of it; exit 1 where something must not be. */
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz.ts'

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '20000' }, seed: { type: 'string', default: '1' } },
})
const started = performance.now()
const report = await fuzz(Number(values.requests), Number(values.seed))
const statuses = [...report.statuses].sort(([a], [b]) => a - b).map(([status, times]) => `${status}: ${times}`)
console.log(
  `${report.requests} requests in ${((performance.now() - started) / 1000).toFixed(0)} s: ${statuses.join(', ')}`,
)
console.log(`unexplained answers: ${report.findings.length}\n${report.findings.join('\n')}`)
console.log(`data ${report.changed ? 'CHANGED' : 'unchanged'}, restarted: ${report.restarted.join(', ') || 'nothing'}`)
console.log(
  `memory of the router: ${report.memory.map((mib) => mib.toFixed(0)).join(' MiB after half, ')} MiB at the end`,
)
console.log(`idle and slow connections still open: ${report.lingering}`)
process.exit(report.findings.length > 0 || report.changed || report.restarted.length > 0 ? 1 : 0)
