/** What the benchmarks compile, download or compute once is kept outside the checkout. */
import { join } from 'node:path'
import * as native from '../native/programs.ts'
import { cacheDir } from '../setup/steps.mjs'

export const benchCache = join(cacheDir, 'bench')

/** The path of a program that is as fast as the compiler makes it on this processor. Throws as `native/programs.ts`. */
export function programOf(sources: native.Sources): string {
  return native.programOf(sources, ['-O3', '-march=native'], join(benchCache, 'programs'))
}
