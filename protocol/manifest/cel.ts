/** Rules of the CRD in CEL, which the API server enforces beside the schema. */
export interface CelRule {
  rule: string
  message?: string
  messageExpression?: string
  reason?: string
  fieldPath?: string
}

/** Attaches rules to a schema; tools/crd.ts carries them into the CRD. */
export function cel(...rules: CelRule[]): { 'x-kubernetes-validations': CelRule[] } {
  return { 'x-kubernetes-validations': rules }
}
