/**
 * Paths into a payload: keys parted by dots, `[]` for every element of a list, `[n]` for one of them, and keys in double
 * quotes where they hold a dot, a bracket or a quote: `a.b`, `tags[].name`, `tags[0]`, `"a.b".c`. The language is
 * Qdrant's, with two additions: a key without quotes may hold any other character, and quotes may hold JSON's escapes.
 */
import { badRequest } from '../errors.ts'

export type PathStep = { kind: 'key'; key: string } | { kind: 'every' } | { kind: 'index'; index: number }
export type JsonPath = readonly PathStep[]

/** Of a path that is answered back, so many characters. */
const SHOWN = 100
const QUOTED = /"(?:[^"\\]|\\.)*"/sy
const PLAIN = /[^."[\]\\]+/y
const ELEMENT = /\[(\d{0,15})\]/y

/** Throws BAD_REQUEST that names `what` and shows the path. */
export function parseJsonPath(text: unknown, what: string): JsonPath {
  if (typeof text !== 'string') throw badRequest(`${what}: a path must be a text`)
  const refuse = (why: string) =>
    badRequest(
      `${what}: ${JSON.stringify(text.slice(0, SHOWN))} is not a path: ${why}; paths are a.b, a[], a[0], "a.b".c`,
    )
  const steps: PathStep[] = []
  let at = 0
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found) at = pattern.lastIndex
    return found
  }
  const takeKey = (): void => {
    const start = at
    const found = match(QUOTED) ?? match(PLAIN)
    if (!found) throw refuse(`a key is missing at character ${start + 1}`)
    try {
      steps.push({ kind: 'key', key: text[start] === '"' ? (JSON.parse(found[0]) as string) : found[0] })
    } catch {
      throw refuse(`the text in quotes at character ${start + 1} is not a JSON string`)
    }
  }
  takeKey()
  while (at < text.length) {
    const element = match(ELEMENT)
    if (element) {
      const [, digits = ''] = element
      steps.push(digits === '' ? { kind: 'every' } : { kind: 'index', index: Number(digits) })
    } else if (text[at] === '.') {
      at++
      takeKey()
    } else throw refuse(`unexpected ${JSON.stringify(text[at])} at character ${at + 1}`)
  }
  return steps
}
