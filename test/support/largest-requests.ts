/**
 * The largest requests that are legal, of every route of the router, and large ones that are not. A static test holds the
 * table complete: a new route is not finished before its largest request stands here.
 */
import { LIMITS } from '../../core/limits.ts'
import { BODY_BYTES_MAX, filled, type LargeRequest, later, longList, SMALL } from './largest/bodies.ts'
import { FIRST_REQUESTS, LAST_REQUESTS } from './largest/collection-requests.ts'
import { READS } from './largest/read-requests.ts'
import { EDITS, UPSERTS } from './largest/write-requests.ts'

const { TEXT_BYTES_MAX } = LIMITS

/** By route, as express knows it. They are sent in this order. */
export const LARGEST: Record<string, LargeRequest[]> = {
  ...FIRST_REQUESTS,
  ...UPSERTS,
  ...READS,
  ...EDITS,
  ...LAST_REQUESTS,
}

const body = (what: string, text: () => string, status = 400): LargeRequest => ({
  what,
  method: 'PUT',
  path: `${SMALL}/points`,
  body: text,
  status,
})

/** Refused, and as harmless. */
export const TOO_LARGE: LargeRequest[] = [
  body('a list of objects', () => longList('{}'), 413),
  body('a list of lists', () => longList('[]'), 413),
  body('a nested list', () => '['.repeat(BODY_BYTES_MAX)),
  body(
    'an object of many members',
    () => {
      const members: string[] = []
      for (let i = 0, bytes = 2; bytes < BODY_BYTES_MAX - 20; i++)
        bytes += (members[i] = `"${i.toString(36)}":1`).length + 1
      return `{${members.join(',')}}`
    },
    413,
  ),
  body('an integer of many digits', () => `{"points":[{"id":${'9'.repeat(BODY_BYTES_MAX - 40)},"vector":[]}]}`),
  body('long integers', () => longList('18446744073709551615'), 413),
  body('a text of escapes', () => filled('{"points":"', '\\u0041', '"}'), 413),
  body('too many points', () => filled('{"points":[', '{"id":1,"vector":[1]},', '{"id":1,"vector":[1]}]}'), 413),
  { ...body('too many ids', () => filled('{"ids":[', '1,', '1]}'), 413), method: 'POST' },
  { ...body('too many keys', () => filled('{"ids":[1],"with_payload":[', '"a",', '"a"]}'), 413), method: 'POST' },
  {
    ...body(
      'a key of many parts',
      () => `{"ids":[1],"with_payload":["${'a.'.repeat(TEXT_BYTES_MAX.value / 2 - 1)}"]}`,
      413,
    ),
    method: 'POST',
  },
]

/** What the table says of routes that come later. */
export function requestsOf(route: string): LargeRequest[] | undefined {
  const [method = '', path = ''] = route.split(' ')
  if (method === 'ALL') return later('POST', path.replace(':c', 'small'))
  return LARGEST[route]
}
