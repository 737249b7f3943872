/** The lines of a UTF-8 text, as bytes come: a line ends with a line feed and with nothing else. */
import { badRequest } from '../../core/errors.ts'

const LINE_BYTES_MAX = 64 * 1024 * 1024
const LINE_FEED = 0x0a
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf])

export interface TextLine {
  text: string
  /** From 1. */
  line: number
}

/** Throws BAD_REQUEST with the line for what is not UTF-8, or too long. */
export async function* textLines(input: AsyncIterable<Buffer>): AsyncGenerator<TextLine> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let rest: Buffer[] = []
  let restBytes = 0
  let line = 0
  const take = (end: Buffer): TextLine => {
    const bytes = rest.length === 0 ? end : Buffer.concat([...rest, end])
    rest = []
    restBytes = 0
    line++
    const marked = line === 1 && bytes.subarray(0, BYTE_ORDER_MARK.length).equals(BYTE_ORDER_MARK)
    try {
      return { text: decoder.decode(marked ? bytes.subarray(BYTE_ORDER_MARK.length) : bytes), line }
    } catch {
      throw badRequest(`line ${line}: it is not UTF-8 text`)
    }
  }
  for await (const chunk of input) {
    let from = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      yield take(chunk.subarray(from, end))
      from = end + 1
    }
    if (from === chunk.length) continue
    rest.push(chunk.subarray(from))
    restBytes += chunk.length - from
    if (restBytes > LINE_BYTES_MAX) throw badRequest(`line ${line + 1}: it is longer than ${LINE_BYTES_MAX} bytes`)
  }
  if (rest.length > 0) yield take(Buffer.alloc(0))
}
