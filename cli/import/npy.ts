/** The header of NumPy's .npy format, version 1 to 3: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
import { badRequest } from '../../core/errors.ts'

export type ReadValue = (view: DataView, at: number) => number

export interface NpyHeader {
  rows: number
  columns: number
  valueBytes: number
  read: ReadValue
  dataStart: number
}

/** A header of two dimensions and a plain type has some 100 bytes. */
export const NPY_HEADER_BYTES_MAX = 64 * 1024

const READERS: Record<string, [bytes: number, read: (view: DataView, at: number, little: boolean) => number]> = {
  f2: [2, (view, at, little) => view.getFloat16(at, little)],
  f4: [4, (view, at, little) => view.getFloat32(at, little)],
  f8: [8, (view, at, little) => view.getFloat64(at, little)],
  b1: [1, (view, at) => view.getUint8(at)],
  u1: [1, (view, at) => view.getUint8(at)],
  u2: [2, (view, at, little) => view.getUint16(at, little)],
  u4: [4, (view, at, little) => view.getUint32(at, little)],
  u8: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
  i1: [1, (view, at) => view.getInt8(at)],
  i2: [2, (view, at, little) => view.getInt16(at, little)],
  i4: [4, (view, at, little) => view.getInt32(at, little)],
  i8: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
}

/** @param bytes the beginning of the file. Throws BAD_REQUEST. */
export function parseNpyHeader(bytes: Buffer): NpyHeader {
  if (bytes.toString('latin1', 0, 6) !== '\x93NUMPY') throw badRequest('it is not an .npy file')
  const headerStart = (bytes[6] ?? 0) >= 2 ? 12 : 10
  if (bytes.length < headerStart) throw badRequest('it ends within its header')
  const headerBytes = headerStart === 12 ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8)
  const dataStart = headerStart + headerBytes
  if (dataStart > bytes.length)
    throw badRequest(dataStart > NPY_HEADER_BYTES_MAX ? 'its header is too long' : 'it ends within its header')
  const header = bytes.toString('latin1', headerStart, dataStart)
  const [, order = '', type = ''] = /'descr':\s*'([<>|=])([a-z]\d+)'/.exec(header) ?? []
  const reader = READERS[type]
  if (!reader) {
    const [, found = 'a structure'] = /'descr':\s*'([^']*)'/.exec(header) ?? []
    throw badRequest(`its values are of type ${found}; save numbers (float16 to float64, or integers)`)
  }
  const [, shape = ''] = /'shape':\s*\(([^)]*)\)/.exec(header) ?? []
  const sizes = shape.split(',').flatMap((part) => (part.trim() === '' ? [] : [Number(part)]))
  const [rows = 0, columns = 0] = sizes
  if (sizes.length !== 2 || columns === 0)
    throw badRequest(`its shape is (${shape}); save a two-dimensional array, a row for each point`)
  if (/'fortran_order':\s*True/.test(header))
    throw badRequest('it is in Fortran order; save it with numpy.ascontiguousarray')
  return {
    rows,
    columns,
    valueBytes: reader[0],
    read: (view, at) => reader[1](view, at, order !== '>'),
    dataStart,
  }
}
