/** A history before both judges: our own checker, and Porcupine, which knows nothing of versions or of MaksDB. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { binary, ensureBinaries } from '../go/programs.ts'
import { check, type Violation } from './checker.ts'
import type { Entry } from './history.ts'

export interface Verdict {
  violations: Violation[]
  /** What Porcupine says; a string where it could not be asked. */
  porcupine: { operations: number; ids: number; illegal: number[]; undecided: number[] } | string
}

/** Porcupine is a Go module, built here. */
export function hasGo(): boolean {
  return spawnSync('go', ['version']).status === 0
}

/** @param folder where Porcupine draws what it cannot explain */
export async function judge(entries: readonly Entry[], folder: string): Promise<Verdict> {
  return { violations: check(entries), porcupine: await askPorcupine(entries, folder) }
}

async function askPorcupine(entries: readonly Entry[], folder: string): Promise<Verdict['porcupine']> {
  try {
    await ensureBinaries('judge', () => {})
  } catch (error) {
    return `it could not be built: ${error instanceof Error ? error.message : String(error)}`
  }
  const child = spawn(binary('judge'), [folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  const ended = once(child, 'exit')
  await pipeline(Readable.from(lines(entries)), child.stdin)
  await ended
  return JSON.parse(output) as Exclude<Verdict['porcupine'], string>
}

/** Refused writes did not happen; reads that promise less than linearizability are not Porcupine's to judge. */
function* lines(entries: readonly Entry[]): Generator<string> {
  for (const entry of entries) {
    if (entry.kind === 'again') continue
    const { client, kind, id, value = null, call, ret } = entry
    if (entry.kind === 'read' ? entry.level !== 'strong' : entry.outcome === 'refused') continue
    const unknown = entry.kind === 'write' && entry.outcome === 'unknown'
    yield `${JSON.stringify({ client, kind, id, value, call, ret, unknown })}\n`
  }
}
