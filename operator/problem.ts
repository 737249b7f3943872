/** What a pass has found to be wrong. */
/** What an administrator has to mend, or what Kubernetes refuses. */
export interface Problem {
  reason: string
  message: string
  /** Whether reads and writes cannot work because of it. */
  blocksReady?: boolean
  /** Of something that the operator could not write: how often in a row it was tried. */
  failures?: number
}

/** So many failures in a row are no accident: an alert is due. */
export const FAILURES_REPORTED = 3

export function isFailing(problems: readonly Problem[]): boolean {
  return problems.some(({ failures = 0 }) => failures >= FAILURES_REPORTED)
}
