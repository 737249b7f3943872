/** The answer of a route's handler, and the function that sends it. */
import type { NextFunction, Request, Response } from 'express'
import type { Call } from '../../runtime/call.ts'
import type { ReadReport } from '../query/read-report.ts'

/** A value, or its JSON text in pieces; and the report of the read. */
export type Reply = ({ result: unknown } | { pieces: Iterable<string> }) & { report?: Partial<ReadReport> }

export type Send = (
  handler: (request: Request, call: Call) => Promise<Reply>,
) => (request: Request, response: Response, next: NextFunction) => void
