/**
 * The one place where every command ends (rule C4): what failed becomes one line on standard error that says
 * what to do, and an exit code. Exit codes: 0 done, 1 the operation failed, 2 wrong usage.
 */

import { CommanderError } from 'commander'
import { MaksDBError } from '../client/src/index.ts'
import { type ErrorCode, MaksError } from '../core/errors.ts'
import { fileReason } from '../supervisor/file-problem.ts'

const EXIT_FAILED = 1
const EXIT_USAGE = 2

/** The catalogue's hints are for authors of requests; these are for users of the command line. Empty: the message is enough. */
const HINTS: { [code in ErrorCode | 'NETWORK' | 'TIMEOUT']?: string } = {
  BAD_REQUEST: '',
  UNSUPPORTED: '',
  UNSUPPORTED_MEDIA_TYPE: '',
  UNAUTHORIZED: 'Pass the key with --api-key or in $MAKSDB_API_KEY.',
  FORBIDDEN:
    'Pass the read-write key with --api-key; a server without keys accepts only the host names 127.0.0.1 and localhost.',
  NOT_FOUND: 'Check the name; "maksdb status" shows the collections of a local cluster.',
  IDEMPOTENCY_KEY_REUSED: 'Try again.',
  PAYLOAD_TOO_LARGE: 'Send fewer points at a time ("maksdb import --batch").',
  ANSWER_TOO_LARGE: 'Lower --limit.',
  OVERLOADED: 'Try again later, or send fewer points at a time ("maksdb import --batch").',
  WAL_BUDGET: 'The log of the cell has reached its budget and is trimmed after the next snapshot; try again later.',
  CELL_UNAVAILABLE: 'No pod of a probed cell answers; "maksdb status" shows the processes. Try again in a moment.',
  STALE_TOPOLOGY: 'The cells of the collection have changed; try again.',
  GATE_CLOSED: 'Redis has restarted and the pods are comparing their rows with the log; try again in a moment.',
  NOT_READY: 'The process is still starting; try again in a moment.',
  NETWORK: 'Check that the server runs at this address; "maksdb start" starts a local server.',
  TIMEOUT: '"maksdb status" shows the processes; try again, or lower --limit.',
}

/** Words of requests: a hint with one of them does not help on the command line. */
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
  return joined(`this is a bug in MaksDB: ${message}`, 'Please report it; MAKSDB_LOG_LEVEL=debug prints the stack.')
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
      // The reader has enough, as `head` has: no message, as with every other program.
      if (error.code === 'EPIPE') process.exit(EXIT_FAILED)
      this.now(new MaksError('BAD_REQUEST', `standard output cannot be written: ${fileReason(error) ?? error.message}`))
    })
    // No program reads the progress; the work continues.
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
