// Behind `npm start`, `npm stop`, `npm test`: sets up what is missing, then runs the work on the pinned Node 24.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { ensureSetup, node24, root, say } from './steps.mjs'

const [command = 'help', ...rest] = process.argv.slice(2)
const PROGRAMS = {
  quickstart: ['cli/main.ts', 'quickstart'],
  stop: ['cli/main.ts', 'stop'],
  test: ['test/run.ts'],
  bench: ['bench/run.ts'],
  'bench:served': ['bench/served.ts'],
  'bench:upkeep': ['bench/upkeep.ts'],
  'bench:operator': ['bench/operator-scale.ts'],
  'bench:failover': ['bench/failover.ts'],
  'bench:failover:kubernetes': ['bench/failover-kubernetes.ts'],
  chaos: ['test/chaos/run.ts'],
  differential: ['test/compat/differential-run.ts'],
  fuzz: ['test/chaos/fuzz-run.ts'],
  simulate: ['test/sim/run.ts'],
  'tail-loss': ['test/chaos/tail-loss-run.ts'],
}
const program = PROGRAMS[command]
if (!program) {
  say(`no such command: ${command}`)
  process.exit(2)
}
try {
  ensureSetup()
} catch (error) {
  say(`set-up failed: ${error.message}`)
  process.exit(1)
}
const [file, ...args] = program
const path = `${join(root, 'node_modules', '.bin')}:${process.env.PATH}`
// One thread for OpenMP and BLAS, as each shard has it: what tests and benchmarks load must behave as it does in a shard.
const native = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1', MAKSDB_FAISS_BLAS_THRESHOLD: '12' }
const child = spawn(node24, [join(root, file), ...args, ...rest], {
  cwd: root,
  stdio: 'inherit',
  env: { ...native, ...process.env, PATH: path },
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal))
child.on('exit', (code, signal) => process.exit(code ?? (signal ? 130 : 1)))
