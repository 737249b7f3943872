/**
 * Programs that use unmodified clients of Qdrant, and what came of each: `results.json` has the record, from which
 * `docs/reference/clients.md` is made. A program prints a line of JSON for each of its checks.
 */
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { javascriptWith } from './javascript-environment.ts'
import { pythonWith } from './python-environment.ts'

const programs = fileURLToPath(new URL('./clients/', import.meta.url))
const resultsFile = fileURLToPath(new URL('./results.json', import.meta.url))
const PROGRAM_TIMEOUT_MS = 400_000

/** Passed; refused by the server, which named what it does not have; or failing on the client's in-memory engine, too. */
export interface Check {
  what: string
  notYet?: string
  failed?: string
  failsInMemory?: true
}

export interface Client {
  id: string
  name: string
  /** `requests`: the client's requests are replayed, without the client. */
  language: 'Python' | 'JavaScript' | 'requests'
  /** Of the packages, as they are pinned. */
  version: string
  /** The list of `test/compat/python`, without its ending. For JavaScript, the packages of this repository are used if absent. */
  packages?: string
  program: string
  /** Of a program that plays several. */
  argument?: string
  /** Tests that the client's makers publish, run by pytest; those that fail on the client's own in-memory engine are no fault of the server. */
  suite?: true
  /** Some seconds: a part of `npm test`, where the others have a command of their own. */
  quick?: true
}

/** Whose requests are sent as their sources have them, with the version or the commit that was read. */
const REPLAYED: Record<string, [name: string, version: string]> = {
  'open-webui': ['open-webui', '0.12.4'],
  dify: ['dify', '312be5e'],
  mem0: ['mem0', '2.2.1'],
  'mem0-ts': ['mem0 for TypeScript', '03b9e1d'],
  crewai: ['crewAI', '1.15.30'],
  txtai: ['txtai (qdrant-txtai)', '2.0.0'],
  'roo-code': ['Roo Code', '24ffa82'],
  'anything-llm': ['AnythingLLM', '5117195'],
  'agent-framework': ['Agent Framework (agent-framework-qdrant)', '1.0.0a'],
}

export const CLIENTS: Client[] = [
  ...['1.9.2', '1.14.3'].map(
    (version): Client => ({
      id: `qdrant-client-${version}`,
      name: 'qdrant-client',
      language: 'Python',
      version,
      packages: `qdrant-client-${version}`,
      program: 'qdrant_client_calls.py',
      quick: true,
    }),
  ),
  {
    id: 'qdrant-client-1.20.0',
    name: 'qdrant-client',
    language: 'Python',
    version: '1.20.0',
    packages: 'clients',
    program: 'qdrant_client_calls.py',
    quick: true,
  },
  {
    id: 'llama-index',
    name: 'LlamaIndex (llama-index-vector-stores-qdrant)',
    language: 'Python',
    version: '0.10.4',
    packages: 'clients',
    program: 'llama_index_calls.py',
    quick: true,
  },
  {
    id: 'mcp-server-qdrant',
    name: 'mcp-server-qdrant',
    language: 'Python',
    version: '0.8.1',
    packages: 'mcp',
    program: 'mcp_calls.py',
  },
  {
    id: 'langchain',
    name: 'LangChain (langchain-qdrant), the standard tests of vector stores',
    language: 'Python',
    version: '1.1.0',
    packages: 'clients',
    program: 'langchain_suite.py',
    suite: true,
  },
  {
    id: 'haystack',
    name: 'Haystack (qdrant-haystack), its tests of document stores',
    language: 'Python',
    version: '13.1.0',
    packages: 'haystack',
    program: 'haystack_suite.py',
    suite: true,
  },
  {
    id: 'qdrant-js',
    name: '@qdrant/js-client-rest',
    language: 'JavaScript',
    version: '1.19.0',
    program: 'qdrant-js-calls.ts',
    quick: true,
  },
  {
    id: 'langchain-js',
    name: 'LangChain (@langchain/qdrant)',
    language: 'JavaScript',
    version: '1.0.3',
    program: 'langchain-js-calls.ts',
    quick: true,
  },
  {
    id: 'mastra',
    name: 'Mastra (@mastra/qdrant)',
    language: 'JavaScript',
    version: '1.0.1',
    packages: 'javascript',
    program: 'mastra-calls.mjs',
  },
  {
    id: 'llama-index-js',
    name: 'LlamaIndex (@llamaindex/qdrant)',
    language: 'JavaScript',
    version: '0.1.33',
    packages: 'javascript',
    program: 'llama-index-js-calls.mjs',
  },
  ...Object.entries(REPLAYED).map(
    ([argument, [name, version]]): Client => ({
      id: argument,
      name,
      language: 'requests',
      version,
      program: 'replays.ts',
      argument,
      quick: true,
    }),
  ),
]

export type Results = Record<string, Check[]>

export function recorded(): Results {
  return JSON.parse(readFileSync(resultsFile, 'utf8')) as Results
}

export function record(results: Results): void {
  const sorted = CLIENTS.flatMap(({ id }) => (results[id] === undefined ? [] : [[id, results[id]] as const]))
  writeFileSync(resultsFile, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`)
}

/** @returns the checks in their order, or why the client cannot be had */
export async function runClient(client: Client, url: string): Promise<Check[] | { missing: string }> {
  const { packages, program, argument, suite } = client
  const given = [url, ...(argument === undefined ? [] : [argument])]
  if (packages === undefined) return checksOf(process.execPath, [`${programs}${program}`, ...given])
  if (client.language === 'JavaScript') {
    const environment = javascriptWith([`${programs}${program}`, `${programs}checks.ts`])
    if ('missing' in environment) return environment
    return checksOf(process.execPath, [`${environment.folder}/${program}`, ...given])
  }
  const python = pythonWith(packages)
  if ('missing' in python) return python
  if (!suite) return checksOf(python.path, [`${programs}${program}`, url])
  const tests = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', '--tb=short', `${programs}${program}`, '--server']
  const served = await checksOf(python.path, [...tests, url])
  if (served.every(({ failed }) => failed === undefined)) return served
  const inMemory = await checksOf(python.path, [...tests, ':memory:'])
  const failing = new Set(inMemory.flatMap(({ what, failed }) => (failed === undefined ? [] : [what])))
  return served.map(({ what, failed, ...rest }) =>
    failed === undefined
      ? { what, ...rest }
      : failing.has(what)
        ? { what, failsInMemory: true as const }
        : { what, failed },
  )
}

async function checksOf(command: string, args: readonly string[]): Promise<Check[]> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: PROGRAM_TIMEOUT_MS,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString()
  })
  await new Promise((resolve) => {
    child.on('error', resolve)
    child.on('close', resolve)
  })
  const checks = text
    .split('\n')
    .filter((line) => line.startsWith('{"what"'))
    .map((line) => JSON.parse(line) as Check)
  if (checks.length === 0) throw new Error(`${args.join(' ')} printed no check:\n${text.slice(-2000)}`)
  return checks
}
