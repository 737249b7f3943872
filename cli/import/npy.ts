/** The header of NumPy's .npy format, version 1 to 3: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
import { badRequest } from '../../core/errors.ts'

export interface NpyHeader {
  rows: number
  columns: number
  valueBytes: number
  read: (view: DataView, at: number) => number
  dataStart: number
}

const READERS: Record<string, [bytes: number, read: (view: DataView, at: number) => number]> = {
  f4: [4, (view, at) => view.getFloat32(at, true)],
  f8: [8, (view, at) => view.getFloat64(at, true)],
  u1: [1, (view, at) => view.getUint8(at)],
  i1: [1, (view, at) => view.getInt8(at)],
  i4: [4, (view, at) => view.getInt32(at, true)],
}

export function parseNpyHeader(bytes: Buffer, file: string): NpyHeader {
  if (bytes.toString('latin1', 0, 6) !== '\x93NUMPY') throw badRequest(`${file} is not an .npy file`)
  const long = bytes.readUInt8(6) >= 2
  const headerBytes = long ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8)
  const headerStart = long ? 12 : 10
  const header = bytes.toString('latin1', headerStart, headerStart + headerBytes)
  const type = /'descr':\s*'[<|]([a-z]\d)'/.exec(header)?.[1] ?? ''
  const shape = /'shape':\s*\((\d+),\s*(\d+)\)/.exec(header)
  const reader = READERS[type]
  if (!reader || !shape)
    throw badRequest(`${file} must hold a two-dimensional array of float32, float64, int32 or bytes, little-endian`)
  if (/'fortran_order':\s*True/.test(header))
    throw badRequest(`${file} is in Fortran order; save it with numpy.ascontiguousarray`)
  return {
    rows: Number(shape[1]),
    columns: Number(shape[2]),
    valueBytes: reader[0],
    read: reader[1],
    dataStart: headerStart + headerBytes,
  }
}
