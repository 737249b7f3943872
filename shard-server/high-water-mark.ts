/**
 * How far this pod had applied the log when it last wrote it down, beside its snapshots: a pod that was killed claims this
 * position, so that a log which was set back meanwhile is noticed although nobody holds its lost entries any more. Written
 * with every heartbeat and not synced: it survives the death of the process, and a power cut may cost its last second.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { formatPosition, parsePosition } from '../core/position.ts'
import type { LogPoint } from '../store/log-entry.ts'

const markSchema = z.object({ position: z.string(), hash: z.string() })

export class HighWaterMark {
  readonly #path: string
  #written = ''

  constructor(dataDir: string) {
    this.#path = join(dataDir, 'high-water-mark.json')
  }

  /** Undefined where there is none, or where a crash left it unreadable. */
  read(): LogPoint | undefined {
    try {
      const { position, hash } = markSchema.parse(JSON.parse(readFileSync(this.#path, 'utf8')))
      return { position: parsePosition(position), hash }
    } catch {
      return undefined
    }
  }

  write(point: LogPoint): void {
    const text = JSON.stringify({ position: formatPosition(point.position), hash: point.hash })
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
