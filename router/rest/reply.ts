/** What a handler of a route gives back, and how it becomes an answer. */
import type { NextFunction, Request, Response } from 'express'
import type { Call } from '../../runtime/call.ts'
import type { ReadReport } from '../query/read-report.ts'

/** What a handler answers: a value, or its JSON text in pieces; and how the read was answered. */
export type Reply = ({ result: unknown } | { pieces: Iterable<string> }) & { report?: Partial<ReadReport> }

export type Send = (
  handler: (request: Request, call: Call) => Promise<Reply>,
) => (request: Request, response: Response, next: NextFunction) => void
