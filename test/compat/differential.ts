/**
 * Random operations on a local cluster and on the in-memory engine of the published Python client, compared: the programs in
 * `differential/`. `differential/cases.json` lists where the two are meant to differ.
 */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { TestCluster } from '../support/cluster.ts'

export const folder = fileURLToPath(new URL('./differential/', import.meta.url))

/** One place where the engine in memory is corrected before it is compared. */
export interface Case {
  id: string
  what: string
  engine: string
  maksdb: string
  source: string
}

export interface Mismatch {
  episode: number
  kind: string
  failure: string
  reproducible: boolean
  collection: unknown
  /** The least calls of the client that were found to show it. */
  calls: unknown[]
}

export interface Report {
  operations: number
  episodes: number
  seconds: number
  /** How many operations of each kind were compared. */
  kinds: Record<string, number>
  /** How many of them both engines refused. */
  refused: Record<string, number>
  /** Kinds that the server does not take, and its answer. */
  notYet: Record<string, string>
  mismatches: Mismatch[]
}

export interface Options {
  operations: number
  seed: number
  /** This episode alone. */
  episode?: number
  /** How the engine in memory is made wrong. */
  breakEngine?: 'range' | 'delete' | 'scores'
  /** How long the calls that show a mismatch are made fewer. */
  shrinkSeconds?: number
  /** Ends after so many mismatches. */
  most?: number
}

export function cases(): Case[] {
  return JSON.parse(readFileSync(`${folder}cases.json`, 'utf8')) as Case[]
}

/** One collection has several cells; the programs make the others. */
export function differentialCluster(): Promise<TestCluster> {
  return TestCluster.start({ name: 'diff-cells', spec: { dimension: 3, metric: 'Cosine', clusters: 3 } })
}

/** @param python an interpreter that has the client */
export async function differential(python: string, url: string, options: Options): Promise<Report> {
  const { operations, seed, episode, breakEngine, most = 5, shrinkSeconds = 45 } = options
  const args = [
    `${folder}run.py`,
    url,
    '--operations',
    `${operations}`,
    '--seed',
    `${seed}`,
    '--most',
    `${most}`,
    '--shrink-seconds',
    `${shrinkSeconds}`,
  ]
  if (episode !== undefined) args.push('--episode', `${episode}`)
  if (breakEngine !== undefined) args.push('--break-engine', breakEngine)
  const child = spawn(python, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    // No compiled files beside the sources.
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONHASHSEED: '0' },
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  const code = await new Promise<number | null>((resolve) => {
    child.on('error', () => resolve(null))
    child.on('close', resolve)
  })
  if (code !== 0) throw new Error(`the differential test ended with ${code}`)
  return JSON.parse(text) as Report
}

/** What a report has to say, for people. */
export function described({ mismatches, kinds, notYet, operations, episodes, seconds }: Report): string {
  const compared = Object.entries(kinds).map(([kind, times]) => `  ${kind}: ${times}`)
  const missing = Object.entries(notYet).map(([kind, answer]) => `  ${kind}: ${answer}`)
  const found = mismatches.flatMap(({ kind, failure, episode, calls, collection, reproducible }) => [
    `  ${kind}, episode ${episode}${reproducible ? '' : ', not seen again in its replay'}: ${failure}`,
    `    collection ${JSON.stringify(collection)}`,
    ...calls.map((call) => `    ${JSON.stringify(call)}`),
  ])
  return [
    `${operations} operations in ${episodes} episodes, ${seconds} s`,
    ...compared,
    ...(missing.length > 0 ? ['not yet:', ...missing] : []),
    `mismatches: ${mismatches.length}`,
    ...found,
  ].join('\n')
}
