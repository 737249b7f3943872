/** The pino logger of a process; credentials are never printed. */
import { type Logger, pino } from 'pino'

export type { Logger }

export function makeLogger(program: string, level: string, fields: Record<string, unknown> = {}): Logger {
  return pino({
    level,
    base: { program, pid: process.pid, ...fields },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: ['token', '*.token', 'redisUrl', '*.redisUrl', 'apiKey', '*.apiKey'],
  })
}
