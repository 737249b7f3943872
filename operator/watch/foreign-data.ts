/**
 * Data that this VectorCluster may not touch: the owner and the shape that the log has, and the errors of pods that
 * refused to start (rule O18). An administrator decides; the condition names both owners or shapes.
 */
import { MaksError } from '../../core/errors.ts'
import { parseLastWords } from '../../protocol/env/last-words.ts'
import type { KubeObject } from '../kube/objects.ts'
import type { Problem } from '../problem.ts'
import { isReady, statusOfPod } from './pods.ts'

const REASONS = {
  DATA_OF_ANOTHER_SHAPE: 'DataOfAnotherShape',
  DATA_OF_ANOTHER_OWNER: 'DataOfAnotherOwner',
} as const
type ForeignCode = keyof typeof REASONS

function isForeign(code: string): code is ForeignCode {
  return Object.hasOwn(REASONS, code)
}

/** The error that a pod's process has ended with because the data is another's; undefined for a pod that is ready. */
export function foreignDataErrorOf(pod: KubeObject): MaksError | undefined {
  if (isReady(pod)) return undefined
  for (const { state, lastState } of statusOfPod(pod).containerStatuses ?? []) {
    const message = state?.terminated?.message ?? lastState?.terminated?.message ?? ''
    const { error } = parseLastWords(message)
    if (error && isForeign(error.code)) return new MaksError(error.code, error.message)
  }
  return undefined
}

export function foreignDataProblem(refused: MaksError | undefined, pods: readonly KubeObject[]): Problem[] {
  const found = pods.flatMap((pod): [string, MaksError][] => {
    const error = foreignDataErrorOf(pod)
    return error ? [[`pod ${pod.metadata.name} does not start: `, error]] : []
  })
  const [first] = refused ? [['', refused] as [string, MaksError]] : found
  if (!first) return []
  const [who, { code, message, row }] = first
  if (!isForeign(code)) return []
  return [{ reason: REASONS[code], message: `${who}${message}. ${row.hint}`, blocksReady: true }]
}
