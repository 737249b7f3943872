/** What this machine can do at most, by one core: all scans are told as shares of it. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { programOf } from '../programs.ts'
import { row, table } from '../table.ts'

/** Kernels of OpenBLAS, of which the fastest is taken: the distribution's choice is slow on some processors. */
const CORE_TYPES = ['', 'Haswell', 'Zen', 'SkylakeX', 'Cooperlake', 'SapphireRapids']

export interface Limits {
  /** Products of matrices in float32, one core. */
  gflops: number
  /** Reads of memory beyond the caches, one core, in GB/s. */
  gigabytes: number
}

export function printMachine(): void {
  const { version } = process
  const model = /^model name\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? process.arch
  const redis = /v=([\d.]+)/.exec(spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1]
  const memory = (totalmem() / 2 ** 30).toFixed(0)
  console.log(
    `\n${availableParallelism()} cores of ${model}, ${memory} GiB, Node ${version}, Redis ${redis}; instruction sets: ${instructionSets().join(', ')}`,
  )
}

function instructionSets(): string[] {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.trim().split(' '))
  return ['avx2', 'fma', 'avx512f', 'avx512bw', 'avx512_vnni', 'avx512_bf16', 'amx_tile'].filter((one) =>
    flags.has(one),
  )
}

/** Measures and prints them. */
export function limits(): Limits {
  const program = programOf({
    name: 'limits',
    folder: import.meta.dirname,
    files: ['limits.cc'],
    libraries: ['-lopenblas'],
  })
  const measure = (what: string, coreType: string) => {
    const env = { ...process.env, OPENBLAS_NUM_THREADS: '1', OPENBLAS_CORETYPE: coreType }
    const { status, stdout } = spawnSync(program, [what], { encoding: 'utf8', env })
    // A kernel for another processor ends by a signal.
    return status === 0 ? (JSON.parse(stdout) as { gflops: number; gigabytes: number; core: string }) : undefined
  }
  table('Limits of one core', 'what', 'limit')
  let gflops = 0
  const seen = new Set<string>()
  for (const coreType of CORE_TYPES) {
    const found = measure('sgemm', coreType)
    if (found === undefined || seen.has(found.core)) continue
    seen.add(found.core)
    const name = coreType === '' ? `${found.core}, the choice of the distribution` : found.core
    row(`sgemm of OpenBLAS for ${name}, GFLOPS`, found.gflops)
    gflops = Math.max(gflops, found.gflops)
  }
  const gigabytes = measure('read', '')?.gigabytes
  if (gflops === 0 || gigabytes === undefined) throw new Error('the limits of the machine could not be measured')
  row('read of memory, GB/s', gigabytes)
  return { gflops, gigabytes }
}
