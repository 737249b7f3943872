/** The command line. */
import { Command } from 'commander'
import { VERSION } from '../protocol/version.ts'
import { clusterCommands } from './commands/cluster-commands.ts'
import { dataCommands } from './commands/data-commands.ts'
import { End } from './end.ts'
import { endWithParents } from './local/parents.ts'

const program = new Command('maksdb').description('A sharded, replicated vector database').version(VERSION)
// Commands inherit both: commander throws instead of ending the process, and leaves the words to us.
program.exitOverride().configureOutput({ outputError: () => undefined })
clusterCommands(program)
dataCommands(program)

const called = program.commands.find((command) => command.name() === process.argv[2])?.name()
const level = process.env.MAKSDB_LOG_LEVEL
const end = new End(`maksdb ${called === undefined ? '' : `${called} `}--help`, level === 'debug' || level === 'trace')
const { MAKSDB_WRAPPER_PID: wrapper } = process.env
// What this process starts has another parent.
delete process.env.MAKSDB_WRAPPER_PID
endWithParents(wrapper === undefined ? undefined : Number(wrapper), process.env.npm_command === 'exec')

try {
  await program.parseAsync()
} catch (error) {
  end.now(error)
}
