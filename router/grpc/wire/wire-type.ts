/** How a value lies on the wire: a tag is the number of a field, and one of these. */
import type { Kind } from './proto-file.ts'

export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
export const FIXED32 = 5

/** Of one value; a message is bytes, too. */
export function wireOf(kind: Kind): number {
  if (kind === 'string' || (typeof kind === 'object' && kind.is === 'message')) return BYTES
  return kind === 'double' ? FIXED64 : kind === 'float' ? FIXED32 : VARINT
}
