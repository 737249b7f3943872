/** The end of a run: every pod of a cell holds the same, at the same position, and the directory counts what the cells hold. */
import { createHash } from 'node:crypto'
import type { ProcessStatus } from '../../cli/status.ts'
import type { IdKey } from '../../core/ids.ts'
import { type RowsResponse, RPC, type ScrollRequest } from '../../protocol/shard-rpc.ts'
import { callWithin } from '../../runtime/call.ts'
import { callFrame } from '../../runtime/frame-call.ts'
import { until } from '../../runtime/until.ts'
import { DataDir } from '../../supervisor/data-dir.ts'
import { type TestCluster } from '../support/cluster.ts'

const PAGE = 1000
const TIMEOUT_MS = 10_000

export async function differences(cluster: TestCluster): Promise<string[]> {
  const pods = await level(cluster)
  const found: string[] = []
  const contents = await Promise.all(pods.map((pod) => contentOf(cluster, pod)))
  let points = 0
  for (const [i, pod] of pods.entries()) {
    const first = pods.findIndex((other) => other.cluster === pod.cluster)
    if (first === i) points += contents[i]?.rows ?? 0
    else if (contents[i]?.digest !== contents[first]?.digest)
      found.push(`${pod.name} and ${pods[first]?.name} hold different rows at ${pod.appliedId}`)
  }
  const topology = await cluster.topology()
  if (topology.points !== points) found.push(`the directory counts ${topology.points} points, the cells ${points}`)
  return found
}

/** All pods, when those of each cell have reached the same position. */
function level(cluster: TestCluster): Promise<ProcessStatus[]> {
  return until(
    'all pods to be level',
    async () => {
      const pods = (await cluster.processes()).filter(({ kind, ready }) => kind === 'shard' && ready)
      const positions = new Set(pods.map((pod) => `${pod.cluster} ${pod.appliedId}`))
      const cells = new Set(pods.map((pod) => pod.cluster))
      return positions.size === cells.size && pods.length === 2 * cells.size ? pods : undefined
    },
    60_000,
  )
}

async function contentOf(cluster: TestCluster, pod: ProcessStatus): Promise<{ rows: number; digest: string }> {
  const dir = new DataDir(cluster.dataDir)
  const digest = createHash('sha256')
  let rows = 0
  for (let from: IdKey | null = null; ; ) {
    const request: ScrollRequest = {
      scope: { primary: false },
      from,
      limit: PAGE + 1,
      withPayload: true,
      withVector: true,
    }
    const { header, chunks } = await callFrame<RowsResponse>({
      url: `http://127.0.0.1:${pod.port}${RPC.scroll}`,
      token: dir.token,
      header: request,
      call: callWithin(TIMEOUT_MS),
    })
    const page = header.rows.slice(0, PAGE)
    rows += page.length
    digest.update(JSON.stringify(page))
    const bytes = chunks[0] as Buffer
    digest.update(bytes.subarray(0, (bytes.length / Math.max(1, header.rows.length)) * page.length))
    const next = header.rows[PAGE]
    if (!next) return { rows, digest: digest.digest('hex') }
    from = next.key
  }
}
