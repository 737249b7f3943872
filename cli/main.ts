/** The command line. Exit codes: 0 done, 1 the operation failed, 2 wrong usage. */
import { MaksDBError } from '@maksdb/client'
import { Command, CommanderError } from 'commander'
import { MaksError } from '../core/errors.ts'
import { VERSION } from '../protocol/version.ts'
import { clusterCommands } from './commands/cluster-commands.ts'
import { dataCommands } from './commands/data-commands.ts'

const EXIT_FAILED = 1
const EXIT_USAGE = 2

const program = new Command('maksdb').description('A sharded, replicated vector database').version(VERSION)
program.exitOverride().showHelpAfterError('(maksdb --help lists the commands)')
clusterCommands(program)
dataCommands(program)
for (const command of program.commands) command.exitOverride()

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = fail(error)
}

function fail(error: unknown): number {
  // Commander has printed its own message already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
  const hint = error instanceof MaksError ? error.row.hint : error instanceof MaksDBError ? error.hint : undefined
  const text = error instanceof Error ? error.message : String(error)
  process.stderr.write(`maksdb: ${text}${hint === undefined ? '' : `. ${hint}`}\n`)
  if (!(error instanceof MaksError || error instanceof MaksDBError) && error instanceof Error)
    process.stderr.write(`${error.stack}\n`)
  return EXIT_FAILED
}
