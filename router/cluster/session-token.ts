/**
 * The newest state that a session has seen, as the text that clients send back: `s1.<generation>.<version>`. Versions order
 * all changes of a collection. A generation ends when an administrator accepts a loss of Redis; the next one may use its
 * versions again.
 */
import { badRequest, MaksError } from '../../core/errors.ts'
import type { Cut } from '../../store/topology.ts'

export interface SessionToken {
  generation: number
  version: number
}

export function tokenText({ generation, version }: SessionToken): string {
  return `s1.${generation}.${version}`
}

export function parseToken(text: string): SessionToken {
  const match = /^s1\.(\d{1,9})\.(\d{1,15})$/.exec(text)
  if (!match) throw badRequest('"token" must be a token of an earlier answer')
  return { generation: Number(match[1]), version: Number(match[2]) }
}

/** The newer of two tokens of one session. */
export function laterToken(a: SessionToken, b: SessionToken): SessionToken {
  return a.generation > b.generation || (a.generation === b.generation && a.version >= b.version) ? a : b
}

/** Whether a state holds all that the session has seen. */
export function covers(cut: Cut, token: SessionToken | undefined): boolean {
  return token === undefined || (cut.generation === token.generation && cut.version >= token.version)
}

/** Throws SESSION_RESET if the newest state lacks changes that the session has seen. */
export function checkSession(cut: Cut, token: SessionToken | undefined): void {
  if (!covers(cut, token))
    throw new MaksError('SESSION_RESET', 'the collection no longer holds all that this session has seen')
}
