/** Commands on a collection's points, over the public API like any other client. */

import { type Command, Option } from 'commander'
import { type Filter, MaksDB, type Point, type PointId } from '../../client/src/index.ts'
import { badRequest } from '../../core/errors.ts'
import { exactStringify } from '../../core/json/exact-json.ts'
import { DEFAULT_DATA_DIR, integer, parseFilter, parseId, parseIds, parseText, parseVector } from '../arguments.ts'
import { writeExport } from '../export.ts'
import type { ImportOptions } from '../import/import-file.ts'
import { note, ProgressBar, print, printJson } from '../output.ts'

/** More than a server takes in one request anyway. */
const BATCH_MAX = 100_000
/** The user waits: a server that does not answer at all is soon reported as unreachable. */
const CONNECT_TIMEOUT_MS = 3000

interface ClientOptions {
  url?: string
  apiKey?: string
  dataDir: string
  collection: string
  json?: boolean
}

function clientCommand(program: Command, name: string, summary: string, example: string): Command {
  return program
    .command(name)
    .description(summary)
    .requiredOption('-c, --collection <name>', 'the collection', parseText)
    .option('--url <url>', 'server (default: $MAKSDB_URL, else the local cluster of --data-dir)')
    .option('--api-key <key>', 'api key (default: $MAKSDB_API_KEY)')
    .option('--data-dir <dir>', 'data directory of a local cluster', DEFAULT_DATA_DIR)
    .option('--json', 'print the REST result')
    .addHelpText('after', `\nExample:\n  $ ${example}`)
}

/** The server that is named, with the key that is named; else the local one, with its own key, which no other is sent. */
export async function client(options: ClientOptions): Promise<MaksDB> {
  const url = options.url ?? (process.env.MAKSDB_URL || undefined)
  const apiKey = options.apiKey ?? (process.env.MAKSDB_API_KEY || undefined)
  if (url !== undefined) return connected(url, apiKey)
  // Not for a server that is named: half of the time that a command takes to start would go into it.
  const [{ DataDir }, { endpointOf }] = await Promise.all([
    import('../../supervisor/data-dir.ts'),
    import('../local/addresses.ts'),
  ])
  const dir = new DataDir(options.dataDir)
  const settings = dir.exists ? dir.settings : undefined
  if (!settings)
    throw badRequest(
      `there is no local cluster in ${options.dataDir}; start one with "maksdb start", or name a server with --url`,
    )
  return connected(endpointOf(settings), apiKey ?? settings.apiKey)
}

async function collectionOf(options: ClientOptions) {
  return (await client(options)).collection(options.collection)
}

function connected(url: string, apiKey: string | undefined): MaksDB {
  return new MaksDB({ url, connectTimeoutMs: CONNECT_TIMEOUT_MS, ...(apiKey === undefined ? {} : { apiKey }) })
}

export function dataCommands(program: Command): void {
  clientCommand(
    program,
    'import',
    'load points from .fvecs, .npy, .jsonl, .csv or .parquet; - reads JSON lines',
    'maksdb import vectors.npy --collection films',
  )
    .argument('<file>')
    .option('--batch <points>', 'points in a request', integer(1, BATCH_MAX), 256)
    .option(
      '--skip <rows>',
      'rows from the beginning to leave out, as an import that stopped names them',
      integer(0),
      0,
    )
    .action(async (file: string, options: ClientOptions & ImportOptions) => {
      const { importFile } = await import('../import/import-file.ts')
      await importFile(file, await collectionOf(options), options)
    })
  clientCommand(program, 'export', 'write all points as JSON lines', 'maksdb export --collection films > films.jsonl')
    .option('-o, --output <file>', 'write to a file; the file appears only if the export is complete', parseText)
    .addOption(filterOption())
    .action(exportPoints)
  clientCommand(
    program,
    'search',
    'search for the nearest points',
    "maksdb search --collection films --vector '[0.1, 0.2]' --limit 3",
  )
    .option('--vector <json>', 'query vector as a JSON list', parseVector)
    .option('--id <id>', 'search with the vector of a point', parseId)
    .option('--limit <n>', 'maximum number of points', integer(1), 10)
    .option('--exact', 'probe every cell')
    .option('--probes <n>', 'number of cells to probe', integer(1))
    .addOption(filterOption())
    .action(search)
  clientCommand(program, 'get', 'show points', 'maksdb get --collection films --id 7')
    .requiredOption('--id <id...>', 'ids', parseIds)
    .action(get)
  clientCommand(program, 'delete', 'delete points', 'maksdb delete --collection films --id 7 8')
    .option('--id <id...>', 'ids', parseIds)
    .addOption(filterOption())
    .action(remove)
  clientCommand(
    program,
    'count',
    'count the points',
    `maksdb count --collection films --filter '{"must": [{"key": "year", "range": {"gte": 1970}}]}'`,
  )
    .addOption(filterOption())
    .action(count)
  clientCommand(
    program,
    'accept-loss',
    'accept the loss of log entries that Redis lost, and open the collection again',
    'maksdb accept-loss --collection films --yes',
  )
    .addOption(new Option('--yes', 'confirm that the lost entries are given up').makeOptionMandatory())
    .action(acceptLoss)
}

function filterOption(): Option {
  return new Option('--filter <json>', 'only points that match this filter (docs/filters.md)').argParser(parseFilter)
}

/** The option as the client takes it. */
function filtered({ filter }: { filter?: Filter }): { filter?: Filter } {
  return filter === undefined ? {} : { filter }
}

async function exportPoints(options: ClientOptions & { output?: string; filter?: Filter }): Promise<void> {
  const collection = await collectionOf(options)
  const total = await collection.count(filtered(options))
  const quiet = options.json === true || options.output === undefined
  const bar = new ProgressBar(`export ${options.collection}`, total, quiet)
  let written = 0
  async function* lines(): AsyncGenerator<string> {
    for await (const { id, vector, payload } of collection.scroll({ withVector: true, ...filtered(options) })) {
      yield `${exactStringify({ id, vector, payload })}\n`
      bar.update(++written)
    }
  }
  await writeExport(lines(), options.output)
  bar.end(written)
  if (options.output === undefined) return
  if (options.json) printJson({ points: written })
  else note(`exported ${written.toLocaleString('en')} points to ${options.output}`)
}

async function search(
  options: ClientOptions & {
    vector?: number[]
    id?: PointId
    limit: number
    exact?: boolean
    probes?: number
    filter?: Filter
  },
  command: Command,
): Promise<void> {
  if ((options.vector === undefined) === (options.id === undefined))
    command.error('error: search needs either --vector or --id')
  const query = options.vector === undefined ? { id: options.id as PointId } : options.vector
  const { limit, exact, probes } = options
  const collection = await collectionOf(options)
  const { points, report } = await collection.query(query, {
    limit,
    ...(exact ? { exact } : {}),
    ...(probes === undefined ? {} : { probes }),
    ...filtered(options),
  })
  if (options.json) return printJson({ points })
  for (const { id, score, payload } of points)
    print(`${String(id).padEnd(24)} ${score.toFixed(6).padStart(14)}  ${exactStringify(payload)}`)
  note(
    `${report.exact ? 'exact' : `${report.probed} of ${report.cells} cells asked`}, ${report.scanned.toLocaleString('en')} rows compared`,
  )
}

async function get(options: ClientOptions & { id: PointId[] }): Promise<void> {
  const collection = await collectionOf(options)
  const points: Point<Record<string, unknown>>[] = await collection.get(options.id, { withVector: true })
  if (options.json) return printJson(points)
  for (const point of points) print(exactStringify(point))
  if (points.length === 0) throw badRequest(`no point with such an id in ${options.collection}`)
}

async function remove(
  { id, filter, ...options }: ClientOptions & { id?: PointId[]; filter?: Filter },
  command: Command,
): Promise<void> {
  const which = id ?? (filter === undefined ? undefined : { filter })
  if (which === undefined || (id && filter)) return command.error('error: delete needs either --id or --filter')
  await (await collectionOf(options)).delete(which)
  if (options.json) printJson({ status: 'completed' })
  else print(`deleted ${id ? id.join(', ') : 'the points that match'} from ${options.collection}`)
}

async function count(options: ClientOptions & { filter?: Filter }): Promise<void> {
  const points = await (await collectionOf(options)).count(filtered(options))
  if (options.json) printJson({ count: points })
  else print(String(points))
}

async function acceptLoss(options: ClientOptions): Promise<void> {
  const result = await (await client(options)).acceptLoss(options.collection)
  if (options.json) return printJson(result)
  if (!result.accepted) return print(`${options.collection} is open; no entries are lost`)
  const state = result.open ? 'is open again' : 'opens when its pods have repaired the log'
  print(`${options.collection} ${state}; lost entries: ${result.lost ?? 'none'}`)
}
