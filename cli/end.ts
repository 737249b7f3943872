/**
 * The one place where every command ends (rule C6 in cli/DESIGN.md): what failed becomes one line on standard error that says
 * what to do, and an exit code. Exit codes: 0 done, 1 the operation failed, 2 wrong usage.
 */
import { MaksDBError } from '@maksdb/client'
import { CommanderError } from 'commander'
import { type ErrorCode, MaksError } from '../core/errors.ts'
import { fileReason } from './file-problem.ts'

const EXIT_FAILED = 1
const EXIT_USAGE = 2

/** The catalogue's hints speak to who writes requests; these speak to who types commands. Empty: the message says it all. */
const HINTS: { [code in ErrorCode | 'NETWORK' | 'TIMEOUT']?: string } = {
  BAD_REQUEST: '',
  UNSUPPORTED: '',
  UNSUPPORTED_MEDIA_TYPE: '',
  UNAUTHORIZED: 'Give the key with --api-key or in $MAKSDB_API_KEY.',
  FORBIDDEN: 'Give the read-write key with --api-key; a server without keys is reached as 127.0.0.1 or localhost only.',
  NOT_FOUND: 'Check the name; "maksdb status" shows the collections of a local cluster.',
  IDEMPOTENCY_KEY_REUSED: 'Try again.',
  PAYLOAD_TOO_LARGE: 'Send fewer points at a time ("maksdb import --batch").',
  ANSWER_TOO_LARGE: 'Ask for fewer points at a time (--limit).',
  OVERLOADED: 'Try again later, or send fewer points at a time ("maksdb import --batch").',
  WAL_BUDGET: 'The log is full until a snapshot lets it be trimmed; try again later.',
  CELL_UNAVAILABLE: 'No live pod holds a probed cell; "maksdb status" shows what runs. Try again in a moment.',
  STALE_TOPOLOGY: 'Nothing was applied; try again.',
  GATE_CLOSED: 'Redis has restarted and the pods are comparing their copies with the log; try again in a moment.',
  NOT_READY: 'The process is still starting; try again in a moment.',
  NETWORK: 'Is the server running, and is this its address? "maksdb start" starts a local one.',
  TIMEOUT: '"maksdb status" shows what runs; try again, or ask for less.',
}

/** Words of who writes requests: a hint with one of them says nothing to who types a command. */
const REST_WORDS = /\b(requests?|headers?|routes?|fields?|params|body|GET|POST|PUT)\b/

/** @param catalogued the hint that the error has of its own */
export function hintOf(code: string, catalogued: string | undefined): string | undefined {
  const own = HINTS[code as ErrorCode]
  if (own === undefined && REST_WORDS.test(catalogued ?? '')) return undefined
  return (own ?? catalogued) || undefined
}

/** @param helpCommand shows the usage of what was called */
export function sentence(error: unknown, helpCommand: string): string {
  if (error instanceof CommanderError)
    return joined(error.message.replace(/^error: /, ''), `"${helpCommand}" shows the usage.`)
  if (error instanceof MaksError) return joined(error.message, hintOf(error.code, error.row.hint))
  if (error instanceof MaksDBError) return joined(error.message, hintOf(error.code, error.hint))
  const message = error instanceof Error ? error.message : String(error)
  const reason = fileReason(error)
  const { path } = (error ?? {}) as NodeJS.ErrnoException
  if (reason !== undefined) return joined(`${path ?? message} cannot be used: ${reason}`, undefined)
  return joined(`this is a fault of MaksDB: ${message}`, 'Please report it; with MAKSDB_LOG_LEVEL=debug it says where.')
}

/** One line, whatever a library has put into its message. */
function joined(message: string, hint: string | undefined): string {
  const line = message
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(/[.:]$/, '')
  return hint === undefined ? line : `${line}${/[?!]$/.test(line) ? '' : '.'} ${hint}`
}

export function isDone(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0
}

/** Ends the process in this way, whatever throws, and whenever. */
export class End {
  readonly #helpCommand: string
  readonly #showStack: boolean

  constructor(helpCommand: string, showStack: boolean) {
    this.#helpCommand = helpCommand
    this.#showStack = showStack
    process.on('uncaughtException', (error) => this.now(error))
    process.on('unhandledRejection', (error) => this.now(error))
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      // Who reads has had enough, as `head` has: no reason to say anything, as with every other program.
      if (error.code === 'EPIPE') process.exit(EXIT_FAILED)
      this.now(new MaksError('BAD_REQUEST', `standard output cannot be written: ${fileReason(error) ?? error.message}`))
    })
    // Nobody reads the progress; the work goes on.
    process.stderr.on('error', () => undefined)
  }

  now(error: unknown): never {
    if (isDone(error)) process.exit(0)
    const help = error instanceof CommanderError && error.code === 'commander.help'
    // Help is printed already.
    if (!help) process.stderr.write(`maksdb: ${sentence(error, this.#helpCommand)}\n`)
    if (this.#showStack && error instanceof Error) process.stderr.write(`${error.stack}\n`)
    process.exit(error instanceof CommanderError ? EXIT_USAGE : EXIT_FAILED)
  }
}
