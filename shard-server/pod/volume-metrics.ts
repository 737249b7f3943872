/** How much room the volume of this pod has left. */
import { statfs } from 'node:fs/promises'
import type { Metrics } from '../../runtime/metrics.ts'

const EVERY_MS = 10_000

export function reportVolume(dataDir: string, metrics: Metrics): void {
  const report = async () => {
    const { bsize, blocks, bavail } = await statfs(dataDir)
    metrics.set('maksdb_volume_bytes', blocks * bsize)
    metrics.set('maksdb_volume_free_bytes', bavail * bsize)
  }
  // A volume that does not answer is reported by snapshots and journal, which write to it.
  const measure = () => void report().catch(() => undefined)
  measure()
  setInterval(measure, EVERY_MS).unref()
}
