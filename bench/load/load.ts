/** The native load generator (load.h says what it measures), and what it reports. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { programOf } from '../programs.ts'

export const LOAD_SOURCES = {
  name: 'load',
  folder: import.meta.dirname,
  files: ['main.cc', 'load.cc'],
  headers: ['load.h', 'histogram.h', 'response.h'],
}

export interface LoadOptions {
  port: number
  path: string
  /** JSON, sent in turn. */
  bodies: readonly string[]
  /** One request at a time on each. */
  connections: number
  /** Requests a second, whatever the server does. Absent: each connection sends the next one when it has its answer. */
  rate?: number
  warmUpSeconds?: number
  seconds: number
  /** How long answers are waited for when the time is up; absent: 10 s. */
  drainSeconds?: number
  /** The measured time begins. */
  onMeasuring?: () => void
}

export interface LoadReport {
  /** Answers with status 200 of the measured time. */
  count: number
  /** Requests that were due and had no answer at the end. Their latency so far is among the others. */
  unfinished: number
  seconds: number
  /** Answers a second. */
  rate: number
  /** Of the generator itself. */
  cpuSeconds: number
  /** Milliseconds from the moment at which a request was to be sent. */
  p50: number
  p90: number
  p99: number
  p999: number
  max: number
  /** Other answers, by status, and `closed` connections. */
  failed: Record<string, number>
}

/** @param program the generator; absent: compiled as it is needed. Throws if the server cannot be reached. */
export async function load(options: LoadOptions, program = generator()): Promise<LoadReport> {
  const folder = mkdtempSync(join(tmpdir(), 'maksdb-load-'))
  try {
    const bodies = join(folder, 'bodies')
    writeFileSync(bodies, Buffer.concat(options.bodies.map(framed)))
    return await run(program, argumentsOf(options, bodies), options.onMeasuring)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function generator(): string {
  return programOf(LOAD_SOURCES)
}

function argumentsOf(options: LoadOptions, bodies: string): string[] {
  const { port, path, connections, rate, warmUpSeconds, seconds, drainSeconds } = options
  const given = { port, path, bodies, connections, rate, 'warm-up': warmUpSeconds, seconds, drain: drainSeconds }
  return Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]))
}

/** A body behind its length. */
function framed(body: string): Buffer {
  const bytes = Buffer.from(body)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([length, bytes])
}

function run(program: string, args: readonly string[], onMeasuring = () => {}): Promise<LoadReport> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [output, errors] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => {
    if (output === '') onMeasuring()
    output += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => {
      if (status === 0) resolve(JSON.parse(output.trim().split('\n').at(-1) ?? '') as LoadReport)
      else reject(new Error(errors.trim() || `the load generator ended with status ${status}`))
    })
  })
}
