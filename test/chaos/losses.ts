/**
 * What Redis can lose while the shards live. Made one at a time and when every pod follows its log: a cell of which no pod
 * holds what Redis lost is a loss that waits for a person, which is tested elsewhere.
 */
import { statSync, truncateSync } from 'node:fs'
import { keysOf } from '../../protocol/keys.ts'
import { sleep } from '../../runtime/lifecycle.ts'
import type { Fault, Target } from './faults.ts'

const TAIL_MS = 2000

async function failOver({ redis }: Target): Promise<void> {
  const behind = await redis.fork()
  try {
    await sleep(TAIL_MS)
    await redis.become(behind)
  } finally {
    await behind.close()
  }
}

async function cutFile({ redis }: Target): Promise<void> {
  const path = redis.appendOnlyFile()
  const { size } = statSync(path)
  await sleep(TAIL_MS)
  await redis.alone(async () => {
    await redis.kill()
    if (redis.appendOnlyFile() === path && statSync(path).size > size) truncateSync(path, size)
    await redis.launch()
  })
}

function someLog({ cluster, cells, random }: Target): string {
  return keysOf('default', cluster.name).log(Math.floor(random() * cells))
}

export const LOSSES: Record<string, Fault> = {
  'Redis fails over and loses two seconds': failOver,
  'the tail of the file of Redis is cut off': cutFile,
  'Redis loses everything': ({ redis }) => redis.client.flushall(),
  'a log is deleted': (target) => target.redis.client.del(someLog(target)),
  'somebody else cuts a log': (target) => target.redis.client.xtrim(someLog(target), 'MAXLEN', 1),
}
