/** Which kernel a cell has: the native one, and FAISS' flat index if the addon was built without it. */
import type { Metric } from '../../core/metric.ts'
import { FaissKernel } from './faiss-kernel.ts'
import type { Kernel } from './kernel.ts'
import { PanelKernel } from './panel-kernel.ts'
import { PanelRows } from './panel-rows.ts'

/** @param chunkRows a multiple of 32; absent: the kernel's own choice */
export function makeKernel(metric: Metric, dimension: number, scratchDir: string, chunkRows?: number): Kernel {
  return PanelRows
    ? new PanelKernel(metric, dimension, undefined, chunkRows)
    : new FaissKernel(metric, dimension, scratchDir, chunkRows)
}
