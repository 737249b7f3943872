/** What Redis says of itself, for the metrics: one INFO. */
import type { Redis } from './connection.ts'

export interface RedisStats {
  memoryBytes: number
  /** 0: none. */
  memoryLimitBytes: number
  clients: number
  commands: number
  cpuSeconds: number
  aofBytes: number
  /** Did the last write to the append-only file, and the last rewrite of it, succeed? */
  persistenceOk: boolean
}

export async function readRedisStats(redis: Redis): Promise<RedisStats> {
  return redisStatsOf(await redis.info())
}

export function redisStatsOf(info: string): RedisStats {
  const fields = new Map(
    info.split('\r\n').map((line) => {
      const at = line.indexOf(':')
      return [line.slice(0, at), line.slice(at + 1)] as const
    }),
  )
  const number = (name: string) => Number(fields.get(name) ?? 0)
  return {
    memoryBytes: number('used_memory'),
    memoryLimitBytes: number('maxmemory'),
    clients: number('connected_clients'),
    commands: number('total_commands_processed'),
    cpuSeconds: number('used_cpu_user') + number('used_cpu_sys'),
    aofBytes: number('aof_current_size'),
    persistenceOk: ['aof_last_write_status', 'aof_last_bgrewrite_status'].every(
      (name) => (fields.get(name) ?? 'ok') === 'ok',
    ),
  }
}
