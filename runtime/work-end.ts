/**
 * When work ends that another thread does for a call: at the deadline of the call, or as soon as nobody waits for it. A thread
 * sees no signal of another one, so that the flag is in memory that both have.
 */
import type { Call } from './call.ts'

export interface WorkEnd {
  /** ms of `performance.timeOrigin` and `now`, which threads share. */
  readonly at: number
  /** One value, in memory that threads share: 1 as soon as nobody waits. */
  readonly gone?: Int32Array
}

/** Does what begins work in another thread, with the end of that work. */
export async function withWorkEnd<T>({ deadline, signal }: Call, begin: (end: WorkEnd) => Promise<T>): Promise<T> {
  const gone = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  const leave = () => Atomics.store(gone, 0, 1)
  if (signal.aborted) leave()
  signal.addEventListener('abort', leave, { once: true })
  try {
    return await begin({ at: performance.timeOrigin + deadline, gone })
  } finally {
    signal.removeEventListener('abort', leave)
  }
}

export function hasEnded({ at, gone }: WorkEnd): boolean {
  return (gone !== undefined && Atomics.load(gone, 0) !== 0) || performance.timeOrigin + performance.now() > at
}
