/**
 * How far this pod had applied the log when it last wrote it down, beside its snapshots: a pod that was killed claims this
 * position, so that a log which was set back meanwhile is noticed although nobody holds its lost entries any more. Written
 * with every heartbeat and not synced: it survives the death of the process, and a power cut may cost its last second.
 */
import { createHash } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { formatPosition, parsePosition } from '../core/position.ts'
import type { LogPoint } from '../store/log-entry.ts'

const markSchema = z.object({ position: z.string(), hash: z.string(), check: z.string() })

export class HighWaterMark {
  readonly #path: string
  #written = ''

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'high-water-mark.json')
  }

  /** Undefined where there is none, or where a crash or the disk has damaged it: a false mark would close the gate. */
  read(): LogPoint | undefined {
    try {
      const text = readFileSync(this.#path, 'utf8')
      const { position, hash } = markSchema.parse(JSON.parse(text))
      const point = { position: parsePosition(position), hash }
      return textOf(point) === text ? point : undefined
    } catch {
      return undefined
    }
  }

  write(point: LogPoint): void {
    const text = textOf(point)
    if (text === this.#written) return
    writeFileSync(`${this.#path}.tmp`, text)
    renameSync(`${this.#path}.tmp`, this.#path)
    this.#written = text
  }

  remove(): void {
    rmSync(this.#path, { force: true })
    this.#written = ''
  }
}

function textOf(point: LogPoint): string {
  const position = formatPosition(point.position)
  const check = createHash('sha256').update(`${position} ${point.hash}`).digest('hex')
  return JSON.stringify({ position, hash: point.hash, check })
}
