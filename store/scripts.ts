/** Loads lua/*.lua, puts lib.lua into each, and runs them by digest. A script's flags line stays the first line. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Redis } from './connection.ts'
import { redisError } from './connection.ts'

export const SCRIPTS = [
  'accept-loss',
  'acquire-lease',
  'adopt-keys',
  'change-aliases',
  'change-settings',
  'claim-cell',
  'commit-batch',
  'correct-directory',
  'disown-keys',
  'erase-keys',
  'finish-migration',
  'heartbeat',
  'pin-retention',
  'publish-centroids',
  'read-cut',
  'read-topology',
  'reap-tombstones',
  'recover-batch',
  'release-lease',
  'remove-member',
  'renew-lease',
  'repair-append',
  'repair-begin',
  'repair-directory',
  'repair-finish',
  'repair-idempotency',
  'report-regression',
  'scan-directory',
  'trim-log',
] as const
export type ScriptName = (typeof SCRIPTS)[number]

const folder = new URL('./lua/', import.meta.url)
const library = readFileSync(new URL('lib.lua', folder), 'utf8')

function load(name: ScriptName): { source: string; digest: string } {
  const [flags, ...body] = readFileSync(new URL(`${name}.lua`, folder), 'utf8').split('\n')
  const source = [flags, library, ...body].join('\n')
  return { source, digest: createHash('sha1').update(source).digest('hex') }
}

const loaded = new Map(SCRIPTS.map((name) => [name, load(name)]))

/** A script as Redis gets it. */
export function scriptSource(name: ScriptName): string {
  return (loaded.get(name) as { source: string }).source
}

export type Argument = string | number | Uint8Array

/** Runs a script; its reply is a list of strings. Throws REDIS_UNAVAILABLE or WAL_FULL. */
export async function runScript(
  client: Redis,
  name: ScriptName,
  keys: readonly string[],
  args: readonly Argument[],
): Promise<string[]> {
  const script = loaded.get(name)
  if (!script) throw new Error(`no script ${name}`)
  const values = args.map((arg) =>
    arg instanceof Uint8Array ? Buffer.from(arg.buffer, arg.byteOffset, arg.byteLength) : arg,
  )
  try {
    return (await client.evalsha(script.digest, keys.length, ...keys, ...values).catch((error: unknown) => {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return client.eval(script.source, keys.length, ...keys, ...values)
    })) as string[]
  } catch (error) {
    throw redisError(error)
  }
}
