/**
 * How far this pod had applied the log, beside its snapshots: a pod that was killed claims this position, so that a log which
 * was set back meanwhile is detected even if no pod holds its lost entries. Written before entries are reported as applied, in
 * place and not synced: it survives the death of the process, and a power cut may cost its last seconds.
 */
import { createHash } from 'node:crypto'
import { closeSync, constants, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { formatPosition, parsePosition } from '../../core/log/position.ts'
import type { LogTip } from '../../store/log-entry.ts'

const RECORD_BYTES = 256
const markSchema = z.object({ position: z.string(), hash: z.string(), check: z.string() })

export class HighWaterMark {
  readonly #path: string
  #file: number | undefined

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'high-water-mark.json')
  }

  /** Undefined where there is none, or where a crash or the disk has damaged it: a false mark would close the gate. */
  read(): LogTip | undefined {
    try {
      const text = readFileSync(this.#path, 'utf8')
      const { position, hash } = markSchema.parse(JSON.parse(text))
      const point = { position: parsePosition(position), hash }
      return textOf(point) === text ? point : undefined
    } catch {
      return undefined
    }
  }

  write(point: LogTip): void {
    this.#file ??= openSync(this.#path, constants.O_RDWR | constants.O_CREAT)
    // One page, always as long as before: no kill of the process leaves half of it.
    writeSync(this.#file, textOf(point), 0)
  }

  remove(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
    rmSync(this.#path, { force: true })
  }
}

function textOf(point: LogTip): string {
  const position = formatPosition(point.position)
  const check = createHash('sha256').update(`${position} ${point.hash}`).digest('hex')
  return JSON.stringify({ position, hash: point.hash, check }).padEnd(RECORD_BYTES)
}
