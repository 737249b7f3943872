/**
 * The token of a lease, `<pod>#<start id>#<random>`: it names a process of a pod and one attempt of it to lead. The scripts
 * compare whole tokens, or their beginning by `is_token_of` of lib.lua.
 */

/** A process of a pod. */
export interface LeaseHolder {
  pod: string
  startId: string
}

const beginning = ({ pod, startId }: LeaseHolder) => `${pod}#${startId}#`

/** @param attempt differs for every attempt to lead */
export function leaseToken(holder: LeaseHolder, attempt: string): string {
  return `${beginning(holder)}${attempt}`
}

/** Name of the pod; '' for the empty token of a cell that no pod has led. */
export function podOfToken(token: string): string {
  return token.split('#')[0] ?? ''
}

/** Has this process acquired the lease of this token? Another process of the same pod has not. */
export function isTokenOf(token: string, holder: LeaseHolder): boolean {
  return token.startsWith(beginning(holder))
}
