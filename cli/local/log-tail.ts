/** What a process of ours, or Redis, wrote last before it ended: the line of its log that gives the cause, if one does. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const TAIL_BYTES = 16 * 1024
const SAYS_WHY = /error|fatal|cannot|can't|failed|refuse|denied|no space/i
/** Lines of stack traces, of the source around them, and Node's last lines. */
const NOISE = /^\s|^[{}^]|^node:|^file:|^Node\.js v/
const LINE_MAX = 300

export function lastWords(file: string): string | undefined {
  const lines = tail(file)
    .split('\n')
    .flatMap((line) => ownWords(line) ?? [])
  return (lines.findLast((line) => SAYS_WHY.test(line)) ?? lines.at(-1))?.slice(0, LINE_MAX)
}

/** A line without its time and its JSON. */
function ownWords(line: string): string | undefined {
  if (line.startsWith('{')) {
    try {
      const { msg, error } = JSON.parse(line) as { msg?: string; error?: string }
      return [msg, error?.split('\n')[0]].filter((part) => part !== undefined).join(': ')
    } catch {
      return undefined
    }
  }
  if (line.trim() === '' || NOISE.test(line)) return undefined
  return line.replace(/^\d+:\w \d+ \w+ \d+ [\d:.]+ [*#.-] /, '')
}

function tail(file: string): string {
  try {
    const handle = openSync(file, 'r')
    try {
      const { size } = fstatSync(handle)
      const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES))
      readSync(handle, buffer, 0, buffer.length, size - buffer.length)
      return buffer.toString('utf8')
    } finally {
      closeSync(handle)
    }
  } catch {
    return ''
  }
}
