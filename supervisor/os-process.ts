/** Processes as the kernel knows them: start detached, recognise one again, end it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { sleep } from '../runtime/lifecycle.ts'

/** When the process started, in ticks since boot; undefined where there is none, or only a zombie. */
export function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

export function isAlive(record: { pid: number; startTicks: string }): boolean {
  return startTicks(record.pid) === record.startTicks
}

/** Starts a process that outlives this one, its output appended to a file. */
export function startDetached(
  command: string,
  args: readonly string[],
  env: Record<string, string | undefined>,
  { logFile, compileCache }: { logFile: string; compileCache: string },
): ChildProcess {
  const log = openSync(logFile, 'a', 0o600)
  const child = spawn(command, args, {
    detached: true,
    stdio: ['ignore', log, log],
    // Compiled programs start with half of the work, and need no place of their own for each data directory.
    env: { NODE_COMPILE_CACHE: compileCache, ...process.env, ...env },
  })
  closeSync(log)
  child.unref()
  return child
}

export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended already, which is what a signal is for.
  }
}

/** SIGTERM, then SIGKILL after the time. */
export async function endProcess(record: { pid: number; startTicks: string }, graceMs: number): Promise<void> {
  const deadline = performance.now() + graceMs
  if (isAlive(record)) sendSignal(record.pid, 'SIGTERM')
  while (isAlive(record)) {
    if (performance.now() > deadline) sendSignal(record.pid, 'SIGKILL')
    await sleep(20)
  }
}

/** The code of the error with which the kernel refuses to listen; undefined where it does not. */
export function listenProblem(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(port, host, () => server.close(() => resolve(undefined)))
  })
}

export async function portIsFree(port: number, host: string): Promise<boolean> {
  return (await listenProblem(port, host)) === undefined
}

export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, host, () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
