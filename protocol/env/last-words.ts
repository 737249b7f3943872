/**
 * What a shard leaves where its supervisor, or the kubelet, reads it when the process has ended: which process it was, and
 * why it ended where it says so. One line each.
 */
import { type ErrorCode, isErrorCode, MaksError } from '../../core/errors.ts'

/** What the kubelet hands on. */
const BYTES_MAX = 4000

export interface LastWords {
  startId: string
  error: { code: ErrorCode; message: string } | undefined
}

export function lastWords(startId: string, error?: unknown): string {
  if (!(error instanceof MaksError)) return startId
  return `${startId}\n${error.code}: ${error.message}`.replaceAll('\0', '').slice(0, BYTES_MAX)
}

export function parseLastWords(text: string): LastWords {
  const [startId = '', ...rest] = text.trim().split('\n')
  const [, code = '', message = ''] = /^([A-Z_]+): (.*)$/s.exec(rest.join('\n')) ?? []
  return { startId, error: isErrorCode(code) ? { code, message } : undefined }
}
