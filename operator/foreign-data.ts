/**
 * Data that this VectorCluster may not touch: what the log says of its owner and shape, and what pods have said as they
 * refused to start (rule O18). A person decides; the condition says between what.
 */
import { MaksError } from '../core/errors.ts'
import { parseLastWords } from '../protocol/last-words.ts'
import type { Trouble } from './conditions.ts'
import type { KubeObject } from './kube/objects.ts'
import { isReady, statusOfPod } from './observe.ts'

const REASONS = {
  DATA_OF_ANOTHER_SHAPE: 'DataOfAnotherShape',
  DATA_OF_ANOTHER_OWNER: 'DataOfAnotherOwner',
} as const
type ForeignCode = keyof typeof REASONS

function isForeign(code: string): code is ForeignCode {
  return Object.hasOwn(REASONS, code)
}

/** The error that a pod's process has ended with because the data is another's; undefined for a pod that is ready. */
export function refusalOfPod(pod: KubeObject): MaksError | undefined {
  if (isReady(pod)) return undefined
  for (const { state, lastState } of statusOfPod(pod).containerStatuses ?? []) {
    const message = state?.terminated?.message ?? lastState?.terminated?.message ?? ''
    const { error } = parseLastWords(message)
    if (error && isForeign(error.code)) return new MaksError(error.code, error.message)
  }
  return undefined
}

export function foreignDataTrouble(refused: MaksError | undefined, pods: readonly KubeObject[]): Trouble[] {
  const refusals = pods.flatMap((pod): [string, MaksError][] => {
    const error = refusalOfPod(pod)
    return error ? [[`pod ${pod.metadata.name} does not start: `, error]] : []
  })
  const [first] = refused ? [['', refused] as [string, MaksError]] : refusals
  if (!first) return []
  const [who, { code, message, row }] = first
  if (!isForeign(code)) return []
  return [{ reason: REASONS[code], message: `${who}${message}. ${row.hint}`, blocksReady: true }]
}
