/** Integers of protobuf: 7 bits a byte, the lowest first; as a number if it is exact, else as a bigint. */
import { badRequest } from '../../../core/errors.ts'

/** Of 64 bits. */
export const VARINT_BYTES_MAX = 10
/** So many bytes hold less than 2^53. */
const EXACT_BYTES = 7

export function malformed(why: string): Error {
  return badRequest(`the message is not valid protobuf: ${why}`)
}

export function exact(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** Reads one at `at`; `end` is where the bytes end that it may have. Unsigned, of 64 bits. */
export function readVarint(bytes: Buffer, at: number, end: number): { value: number | bigint; at: number } {
  let value = 0
  let scale = 1
  for (let i = at; i < end && i < at + EXACT_BYTES; i++) {
    const byte = bytes[i] as number
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return { value, at: i + 1 }
    scale *= 128
  }
  let large = BigInt(value)
  for (let i = at + EXACT_BYTES; i < end && i < at + VARINT_BYTES_MAX; i++) {
    const byte = bytes[i] as number
    large += BigInt(byte & 0x7f) << BigInt(7 * (i - at))
    if (byte < 0x80) return { value: exact(BigInt.asUintN(64, large)), at: i + 1 }
  }
  throw malformed('an integer does not end')
}

/** The same bits as a signed integer. */
export function signed(value: number | bigint): number | bigint {
  return typeof value === 'number' ? value : exact(BigInt.asIntN(64, value))
}
