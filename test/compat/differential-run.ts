/** `npm run differential -- --operations 50000 --seed 1`: exit 1 where the engines differ; `--episode N` replays one. */
import { parseArgs } from 'node:util'
import { described, differential, differentialCluster } from './differential.ts'
import { pythonWith } from './python-environment.ts'

const { values } = parseArgs({
  options: {
    operations: { type: 'string', default: '50000' },
    seed: { type: 'string', default: '1' },
    episode: { type: 'string' },
    most: { type: 'string', default: '5' },
  },
})
const python = pythonWith('clients')
if ('missing' in python) {
  console.error(python.missing)
  process.exit(2)
}
const cluster = await differentialCluster()
let mismatches = 1
try {
  const report = await differential(python.path, cluster.url, {
    operations: Number(values.operations),
    seed: Number(values.seed),
    most: Number(values.most),
    ...(values.episode === undefined ? {} : { episode: Number(values.episode) }),
  })
  console.log(described(report))
  mismatches = report.mismatches.length
} finally {
  await cluster.close()
}
process.exit(mismatches > 0 ? 1 : 0)
