/**
 * A command ends with who runs it: `npx` and our own bin script stand between a user and the command, and where one of them
 * is killed no signal could stop an import any more. Shells of a user's own are none of these: what runs behind `nohup` continues.
 */
import { readFileSync } from 'node:fs'
import { isAlive, startTicks } from '../../supervisor/os-process.ts'

const LOOK_EVERY_MS = 250
const SHELLS = /^(sh|dash|bash)$/

interface Ancestor {
  pid: number
  startTicks: string
}

/**
 * @param wrapper pid of the bin script, if it has started this process
 * @param byNpx npm has started it to execute a command
 */
export function endWithParents(wrapper: number | undefined, byNpx: boolean): void {
  if (wrapper === undefined && !byNpx) return
  const ancestors = ancestorsOf(wrapper, byNpx)
  // A parent that was killed before this line is not there any more.
  const orphan = wrapper !== undefined && process.ppid !== wrapper
  if (orphan) process.exit(1)
  setInterval(() => {
    if (!ancestors.every(isAlive)) process.exit(1)
  }, LOOK_EVERY_MS).unref()
}

/** From the parent up: the bin script, and where npx has begun this, its shell and npm itself. */
function ancestorsOf(wrapper: number | undefined, byNpx: boolean): Ancestor[] {
  const found: Ancestor[] = []
  for (let pid = process.ppid; pid > 1; ) {
    const { name, parent } = statOf(pid)
    const command = commandOf(pid)
    const isNpm = byNpx && /^npm(\s|$)|\/(npm|npx)(-cli\.js)?(\s|$)/.test(command)
    if (!(pid === wrapper || isNpm || (byNpx && SHELLS.test(name)))) break
    const ticks = startTicks(pid)
    if (ticks !== undefined) found.push({ pid, startTicks: ticks })
    if (isNpm) return found
    pid = parent
  }
  // Shells without npm above them are a user's own.
  return found.filter(({ pid }) => pid === wrapper)
}

function statOf(pid: number): { name: string; parent: number } {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const end = stat.lastIndexOf(')')
    return { name: stat.slice(stat.indexOf('(') + 1, end), parent: Number(stat.slice(end + 2).split(' ')[1]) }
  } catch {
    return { name: '', parent: 0 }
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
