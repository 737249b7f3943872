/**
 * The environment that gives a process its threads and its memory, alike for local processes and for pods. It imports nothing,
 * because the index thread reads it as well.
 */

/** FAISS hands a batch to BLAS from so many queries on; measured, see bench/README.md. */
export const BLAS_QUERIES_MIN = 12

/** One thread each: OpenMP and BLAS threads would fight over the cores with the other shards. */
export const NATIVE_ENV = {
  OMP_NUM_THREADS: '1',
  OPENBLAS_NUM_THREADS: '1',
  MAKSDB_FAISS_BLAS_THRESHOLD: String(BLAS_QUERIES_MIN),
}

/** Bounds of what V8 keeps in reserve for each thread, most of the memory of an idle process, and its collector (idle-heap.ts). */
const HEAP_FLAGS = '--max-semi-space-size=4 --v8-pool-size=1 --expose-gc'
/** Of malloc, which would else keep a heap of its own for each thread, and give back none of it. */
const ARENAS_MAX = '2'

/**
 * Of shards and routers alike.
 * @param given the user's own environment: its NODE_OPTIONS come last, and so win
 */
export function memoryEnv(given: Record<string, string | undefined> = {}) {
  const { NODE_OPTIONS = '', MALLOC_ARENA_MAX = ARENAS_MAX } = given
  return { NODE_OPTIONS: `${HEAP_FLAGS} ${NODE_OPTIONS}`.trim(), MALLOC_ARENA_MAX }
}
