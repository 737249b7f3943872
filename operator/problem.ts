/** What a pass has found to be wrong. */
/** Something that a person has to mend, or that Kubernetes refuses. */
export interface Problem {
  reason: string
  message: string
  /** Whether reads and writes cannot work because of it. */
  blocksReady?: boolean
  /** Of something that the operator could not write: how often in a row it was tried. */
  failures?: number
}

/** So many failures in a row are no accident: somebody should be called. */
export const FAILURES_TOLD = 3

export function isFailing(troubles: readonly Problem[]): boolean {
  return troubles.some(({ failures = 0 }) => failures >= FAILURES_TOLD)
}
