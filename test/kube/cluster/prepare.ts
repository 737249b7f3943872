/** Builds what the tests on Kubernetes need, once for a machine: programs of the cluster, the image. */
import { ensureBinaries } from '../../go/programs.ts'
import { ensureImage, ensurePause } from './image.ts'

const say = (line: string) => console.log(line)

await ensureBinaries('cluster', say)
await ensurePause()
await ensureImage(say)
