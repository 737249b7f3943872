/** Points from files whose rows all have the same number of bytes: .fvecs and .npy. */
import { type FileHandle, open } from 'node:fs/promises'
import { badRequest } from '../../core/errors.ts'
import { NPY_HEADER_BYTES_MAX, parseNpyHeader, type ReadValue } from './npy.ts'
import { type ImportPoint, RowCheck } from './row-check.ts'

const BLOCK_BYTES = 4 * 1024 * 1024

interface FixedLayout {
  start: number
  rowBytes: number
  /** Bytes of a row before its values. */
  skip: number
  rows: number
  dimension: number
  valueBytes: number
  read: ReadValue
  /** Throws where the bytes of a row before its values are wrong. */
  checkRow?: (view: DataView, at: number, row: number) => void
}

export interface FixedSource {
  points: AsyncIterable<ImportPoint>
  total: number
}

/** Each row: dimension as int32, then as many float32, all little-endian. */
export async function fvecs(file: string, size: number): Promise<FixedSource> {
  const handle = await open(file)
  const head = await start(handle, 4)
  const dimension = head.length < 4 ? 0 : head.readInt32LE(0)
  const rowBytes = 4 + 4 * dimension
  if (dimension < 1 || size % rowBytes !== 0) {
    await handle.close()
    throw badRequest(
      dimension < 1
        ? 'it does not begin with the number of values of its first row'
        : `its ${size} bytes are not a whole number of rows of ${dimension} values`,
    )
  }
  const layout: FixedLayout = {
    start: 0,
    rowBytes,
    skip: 4,
    rows: size / rowBytes,
    read: (view, at) => view.getFloat32(at, true),
    valueBytes: 4,
    dimension,
    checkRow(view, at, row) {
      const own = view.getInt32(at, true)
      if (own !== dimension) throw badRequest(`row ${row}: its own count is ${own} values, the first one ${dimension}`)
    },
  }
  return { points: fixedRows(handle, layout), total: layout.rows }
}

export async function npy(file: string, size: number): Promise<FixedSource> {
  const handle = await open(file)
  try {
    const {
      rows,
      columns: dimension,
      valueBytes,
      read,
      dataStart,
    } = parseNpyHeader(await start(handle, NPY_HEADER_BYTES_MAX))
    const rowBytes = valueBytes * dimension
    const wanted = dataStart + rows * rowBytes
    if (size !== wanted)
      throw badRequest(`its header names ${rows} rows of ${dimension} values, ${wanted} bytes in all; it has ${size}`)
    const layout: FixedLayout = { start: dataStart, rowBytes, skip: 0, rows, read, valueBytes, dimension }
    return { points: fixedRows(handle, layout), total: rows }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function start(handle: FileHandle, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes)
  const { bytesRead } = await handle.read(buffer, 0, bytes, 0)
  return buffer.subarray(0, bytesRead)
}

async function* fixedRows(handle: FileHandle, layout: FixedLayout): AsyncGenerator<ImportPoint> {
  const { rowBytes, skip, rows, dimension, valueBytes, read, checkRow } = layout
  const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / rowBytes))
  const check = new RowCheck()
  try {
    for (let first = 0; first < rows; first += perBlock) {
      const count = Math.min(perBlock, rows - first)
      const block = Buffer.alloc(count * rowBytes)
      const { bytesRead } = await handle.read(block, 0, block.length, layout.start + first * rowBytes)
      if (bytesRead !== block.length) throw badRequest('the file became shorter while it was read')
      const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
      for (let i = 0; i < count; i++) {
        const at = i * rowBytes
        checkRow?.(view, at, first + i)
        const vector = Array.from({ length: dimension }, (_, j) => read(view, at + skip + j * valueBytes))
        yield check.point({ place: `row ${first + i}`, vector })
      }
    }
  } finally {
    await handle.close()
  }
}
