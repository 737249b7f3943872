/** A request is answered in its time, whatever its work does. */
import { MaksError } from '../core/errors.ts'
import type { Call, OpenCall } from '../runtime/call.ts'

/** The work for a request keeps its deadline; a request is answered after this time even if its work does not end. */
const OVERTIME_MS = 500

/** @param writes may the work have changed something when its time is over? */
export async function answerInTime<T>(
  call: OpenCall,
  limitMs: number,
  writes: boolean,
  work: (call: Call) => Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const overtime = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new MaksError(writes ? 'UNKNOWN_OUTCOME' : 'TIMEOUT', 'the request was not answered in its time')),
      limitMs + OVERTIME_MS,
    )
  })
  try {
    return await Promise.race([work(call), overtime])
  } finally {
    clearTimeout(timer)
    call.cancel('it is answered')
  }
}
