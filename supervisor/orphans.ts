/**
 * Processes of a data directory that its list does not name: a supervisor that is killed between starting one and writing
 * it down leaves such a process behind, and it must not run beside another one on the same files. Each process carries in
 * its environment what it is.
 */
import { readdirSync, readFileSync } from 'node:fs'
import type { DataDir, ProcessRecord } from './data-dir.ts'
import { isAlive, startTicks } from './os-process.ts'

const VARIABLE = 'MAKSDB_UNIT'

interface Mark {
  dir: string
  name: string
  startId: string
  fingerprint: string
}

/** For the environment of a process that is started. */
export function marked(mark: Mark): Record<string, string> {
  return { [VARIABLE]: JSON.stringify(mark) }
}

export function orphans(dir: DataDir): [name: string, record: ProcessRecord][] {
  const listed = new Set([...dir.processes.values()].map(({ startId }) => startId))
  const found = new Map<string, [string, ProcessRecord]>()
  // Oldest first: what a process has forked has the same environment, and a higher number or a later start.
  for (const pid of pids()) {
    const mark = markOf(pid)
    if (mark?.dir !== dir.path || listed.has(mark.startId)) continue
    const ticks = startTicks(pid)
    if (ticks === undefined) continue
    const { name, startId, fingerprint } = mark
    const before = found.get(startId)?.[1]
    if (before && Number(before.startTicks) <= Number(ticks)) continue
    found.set(startId, [name, { pid, startTicks: ticks, startId, fingerprint }])
  }
  return [...found.values()]
}

/** All that runs on a data directory, listed or not. */
export function liveProcesses(dir: DataDir): [name: string, record: ProcessRecord][] {
  return [...[...dir.processes].filter(([, record]) => isAlive(record)), ...orphans(dir)]
}

function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
}

function markOf(pid: number): Mark | undefined {
  try {
    const variable = readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .find((one) => one.startsWith(`${VARIABLE}=`))
    return variable === undefined ? undefined : (JSON.parse(variable.slice(VARIABLE.length + 1)) as Mark)
  } catch {
    // It has ended, or belongs to another user.
    return undefined
  }
}
