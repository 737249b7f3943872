/** Commands that start, stop and show a local cluster. Each loads what it needs when it is called, and no command what others need. */
import { Argument, type Command } from 'commander'
import { MaksError } from '../../core/errors.ts'
import { DEFAULT_DATA_DIR, parseApiKey, parsePort, parseText } from '../arguments.ts'
import { completionScript, SHELLS, type Shell } from '../completion.ts'
import type { Stopped } from '../local/local.ts'
import { note, print, printJson } from '../output.ts'

interface StartFlags {
  file?: string[]
  dataDir: string
  port?: number
  host?: string
  apiKey?: string
  readOnlyApiKey?: string
  adopt?: string
  json?: boolean
}

const LATER = ['bench', 'recluster', 'backup', 'restore']

export function clusterCommands(program: Command): void {
  program
    .command('start')
    .description('start VectorClusters as local processes; returns when all are ready')
    .option('-f, --file <manifest...>', 'VectorCluster manifests, the same as for Kubernetes')
    .option('--data-dir <dir>', 'data directory', DEFAULT_DATA_DIR)
    .option('--port <port>', 'REST port; gRPC has the next (default: 6333, else the next free pair)', parsePort)
    .option('--host <address>', 'address to listen on (default: that of the last start, else 127.0.0.1)', parseText)
    .option('--api-key <key>', 'read-write key (default: $MAKSDB_API_KEY)', parseApiKey)
    .option('--read-only-api-key <key>', 'read-only key', parseApiKey)
    .option('--adopt <uid>', 'adopt the data in an external Redis from this former owner', parseText)
    .option('--json', 'print the status as JSON')
    .addHelpText('after', '\nExample:\n  $ maksdb start -f examples/quickstart.yaml')
    .action(start)
  program
    .command('stop')
    .description('stop the local cluster and keep its data')
    .option('--data-dir <dir>', 'its data directory', DEFAULT_DATA_DIR)
    .option('--purge', 'delete the data too')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', '\nExample:\n  $ maksdb stop')
    .action(async (flags: { dataDir: string; purge?: boolean; json?: boolean }) => {
      const { stopLocal } = await import('../local/local.ts')
      const { stopped, purged, keysStay = [] } = await stopLocal(flags.dataDir, flags.purge === true)
      for (const why of keysStay) note(why)
      if (flags.json) printJson({ stopped, purged: purged !== undefined, kept: purged?.kept ?? [] })
      else print([stopped ? 'stopped' : 'nothing was running', ...purgeTold(flags, purged)].join('; '))
    })
  program
    .command('status')
    .description('show the processes of the local cluster')
    .option('--data-dir <dir>', 'its data directory', DEFAULT_DATA_DIR)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ maksdb status --json')
    .action(async (flags: { dataDir: string; json?: boolean }) => {
      const { localStatus, statusTable } = await import('../status.ts')
      const status = await localStatus(flags.dataDir)
      if (flags.json) printJson(status)
      else for (const line of statusTable(status)) print(line)
    })
  program
    .command('quickstart')
    .description('start the sample cluster, load real digits, search, measure recall')
    .option('--data-dir <dir>', 'data directory', DEFAULT_DATA_DIR)
    .option('--port <port>', 'REST port; gRPC has the next', parsePort)
    .addHelpText('after', '\nExample:\n  $ maksdb quickstart')
    .action(async (flags: { dataDir: string; port?: number }) => {
      const { runQuickstart } = await import('../quickstart/quickstart.ts')
      await runQuickstart(flags.dataDir, flags.port)
    })
  program
    .command('completion')
    .description('print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .option('--json', 'print the script as a JSON string')
    .addHelpText('after', '\nExample:\n  $ source <(maksdb completion bash)')
    .action((shell: Shell, flags: { json?: boolean }) => {
      const script = completionScript(shell, program)
      if (flags.json) printJson(script)
      else print(script.trimEnd())
    })
  for (const name of LATER) {
    program
      .command(name, { hidden: true })
      .allowUnknownOption()
      .argument('[args...]')
      .action(() => {
        throw new MaksError('UNSUPPORTED', `"maksdb ${name}" is not built yet`)
      })
  }
}

const KEPT_NAMED_MAX = 5

function purgeTold({ dataDir, purge }: { dataDir: string; purge?: boolean }, purged: Stopped['purged']): string[] {
  if (!purge) return []
  if (!purged) return [`there is no ${dataDir}, so nothing was deleted`]
  const { directoryRemoved, kept } = purged
  if (directoryRemoved) return [`deleted ${dataDir}`]
  if (kept.length === 0)
    return [`deleted the data in ${dataDir}; kept the directory itself, which existed before MaksDB`]
  const named = kept.slice(0, KEPT_NAMED_MAX).join(', ')
  const more = kept.length > KEPT_NAMED_MAX ? ` and ${kept.length - KEPT_NAMED_MAX} more` : ''
  return [`deleted the data in ${dataDir}`, `kept files that are not MaksDB's: ${named}${more}`]
}

async function start(flags: StartFlags): Promise<void> {
  const started = performance.now()
  const [{ startLocal }, { localStatus, statusTable }] = await Promise.all([
    import('../local/local.ts'),
    import('../status.ts'),
  ])
  const { endpoint } = await startLocal(
    {
      files: flags.file ?? [],
      dataDir: flags.dataDir,
      port: flags.port,
      // An address of IPv6 may be written as in a URL.
      host: flags.host?.replace(/^\[(.*)\]$/, '$1'),
      apiKey: flags.apiKey ?? (process.env.MAKSDB_API_KEY || undefined),
      readOnlyApiKey: flags.readOnlyApiKey,
      adopt: flags.adopt,
    },
    (what) => flags.json || note(`waiting for ${what} ...`),
  )
  const status = await localStatus(flags.dataDir)
  if (flags.json) return printJson(status)
  for (const line of statusTable(status)) print(line)
  print(`ready at ${endpoint} after ${((performance.now() - started) / 1000).toFixed(1)} s; "maksdb stop" stops it`)
}
