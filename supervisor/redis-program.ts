/** The `redis-server` of this machine: is there one, and is it young enough? Asked before anything waits for it. */
import { spawnSync } from 'node:child_process'
import { MaksError } from '../core/errors.ts'

const MIN = [7, 0] as const
const ASK_TIMEOUT_MS = 10_000

/** Throws what is to be done where a collection's own Redis cannot be started. */
export function checkRedisProgram(): void {
  const { error, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8', timeout: ASK_TIMEOUT_MS })
  if (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new MaksError(
      'REDIS_NOT_INSTALLED',
      missing ? 'redis-server is not on the PATH' : `redis-server cannot be started: ${error.message}`,
    )
  }
  const [, major, minor] = /v=(\d+)\.(\d+)/.exec(stdout) ?? []
  const old = Number(major) < MIN[0] || (Number(major) === MIN[0] && Number(minor) < MIN[1])
  if (major === undefined || old)
    throw new MaksError('REDIS_NOT_INSTALLED', `redis-server ${major ?? '?'}.${minor ?? '?'} is too old`)
}
