/** A program that a test runs to its end. */
import { spawnSync } from 'node:child_process'

const TIMEOUT_MS = 60_000

export interface Outcome {
  status: number | null
  stdout: string
  /** What it printed on both streams, without spaces at the ends. */
  output: string
}

export function run(command: string, args: readonly string[], cwd: string, env: Record<string, string> = {}): Outcome {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
    env: { ...process.env, ...env },
  })
  return { status, stdout, output: `${stdout}${stderr}${error?.message ?? ''}`.trim() }
}
