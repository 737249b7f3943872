/** Parses `order_by`, of a scroll and of a query. */
import { badRequest } from '../../core/errors.ts'
import { pathAt } from '../../core/filter/filter-fields.ts'
import { orderValueOf, orderValueText } from '../../core/filter/order-value.ts'
import type { ValueOrder } from '../query/payload-reads.ts'
import { Fields } from './json-fields.ts'

/** An `order_by`: a path, or an object that has one as `key`. */
export function orderOf(value: unknown, at: string): ValueOrder {
  if (typeof value === 'string') return { path: pathAt(value, at), direction: 'asc' }
  const fields = new Fields(value, at)
  const path = pathAt(fields.take('key'), `${at}.key`)
  const direction = fields.take('direction') ?? 'asc'
  if (direction !== 'asc' && direction !== 'desc') throw badRequest(`${at}.direction must be asc or desc`)
  const given = fields.take('start_from')
  fields.end()
  const start = orderValueOf(given)
  if (given !== undefined && start === undefined)
    throw badRequest(`${at}.start_from must be a number or a time, as in 2026-01-31T12:00:00Z`)
  const order: ValueOrder = { path, direction }
  return start === undefined ? order : { ...order, startFrom: orderValueText(start) }
}
