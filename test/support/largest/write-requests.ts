/** The largest requests that write points. */
import { LIMITS } from '../../../core/limits.ts'
import {
  BODY_BYTES_MAX,
  EDITED_LARGE,
  floats,
  type LargeRequest,
  largestPayload,
  list,
  SMALL,
  SMALL_DIMENSION,
  smallPoints,
  uuid,
  WIDE,
  WIDE_DIMENSION,
  WIDE_POINTS,
} from './bodies.ts'

const { BODY_VALUES_MAX, WRITE_POINTS_MAX, OPERATIONS_MAX, EDIT_KEYS_MAX } = LIMITS

export const UPSERTS: Record<string, LargeRequest[]> = {
  'PUT /collections/:c/points': [
    {
      what: 'most points',
      method: 'PUT',
      path: `${SMALL}/points?wait=true`,
      body: () => smallPoints(String),
      status: 200,
    },
    {
      what: 'most points, as a batch, with long ids',
      method: 'PUT',
      path: `${SMALL}/points?wait=true`,
      body: () =>
        `{"batch":{"ids":[${list(WRITE_POINTS_MAX.value, uuid)}],"vectors":[${list(
          WRITE_POINTS_MAX.value,
          (i) => `[${floats(i, SMALL_DIMENSION)}]`,
        )}],"payloads":[${list(WRITE_POINTS_MAX.value, (i) => `{"name":${2n ** 60n + BigInt(i)}}`)}]}}`,
      status: 200,
    },
    {
      what: 'most bytes of vectors',
      method: 'PUT',
      path: `${WIDE}/points?wait=true`,
      body: () => `{"points":[${list(WIDE_POINTS, (i) => `{"id":${i},"vector":[${floats(i, WIDE_DIMENSION)}]}`)}]}`,
      status: 200,
    },
    {
      what: 'largest payloads',
      method: 'PUT',
      path: `${WIDE}/points?wait=true`,
      body: () => {
        const payload = largestPayload()
        const vector = `[${floats(1, WIDE_DIMENSION)}]`
        const values = payload.split(',').length + 10
        const most = Math.floor(BODY_BYTES_MAX / (payload.length + vector.length + 100))
        const count = Math.min(most, Math.floor(BODY_VALUES_MAX.value / values))
        return `{"points":[${list(count, (i) => `{"id":${i},"vector":${vector},"payload":${payload}}`)}]}`
      },
      status: 200,
    },
  ],
}

export const EDITS: Record<string, LargeRequest[]> = {
  'POST /collections/:c/points/payload': [
    {
      what: 'most ids',
      method: 'POST',
      path: `${SMALL}/points/payload?wait=true&timeout=120`,
      body: () => `{"points":[${list(WRITE_POINTS_MAX.value, uuid)}],"payload":{"b":{"c":1}},"key":"a"}`,
      status: 200,
    },
    {
      what: 'largest payloads',
      method: 'POST',
      path: `${WIDE}/points/payload?wait=true&timeout=120`,
      body: () => `{"points":[${list(EDITED_LARGE, String)}],"payload":${largestPayload()}}`,
      status: 200,
    },
  ],
  'PUT /collections/:c/points/payload': [
    {
      what: 'largest payloads',
      method: 'PUT',
      path: `${WIDE}/points/payload?wait=true&timeout=120`,
      body: () => `{"points":[${list(EDITED_LARGE, String)}],"payload":${largestPayload()}}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/payload/delete': [
    {
      what: 'most paths, of the largest payloads',
      method: 'POST',
      path: `${WIDE}/points/payload/delete?wait=true&timeout=120`,
      body: () =>
        `{"points":[${list(EDITED_LARGE, String)}],"keys":[${list(EDIT_KEYS_MAX.value, (i) => `"${i.toString(36)}"`)}]}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/payload/clear': [
    {
      what: 'all points',
      method: 'POST',
      path: `${WIDE}/points/payload/clear?wait=true&timeout=120`,
      body: () => '{"filter":{"must":[]}}',
      status: 200,
    },
  ],
  'PUT /collections/:c/points/vectors': [
    {
      what: 'most bytes of vectors',
      method: 'PUT',
      path: `${WIDE}/points/vectors?wait=true`,
      body: () => `{"points":[${list(WIDE_POINTS, (i) => `{"id":${i},"vector":[${floats(i + 1, WIDE_DIMENSION)}]}`)}]}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/vectors/delete': [
    {
      what: 'most ids',
      method: 'POST',
      path: `${SMALL}/points/vectors/delete`,
      body: () => `{"points":[${list(WRITE_POINTS_MAX.value, uuid)}],"vector":[""]}`,
      status: 400,
    },
  ],
  'POST /collections/:c/points/batch': [
    {
      what: 'most operations',
      method: 'POST',
      path: `${SMALL}/points/batch?wait=true&timeout=120`,
      body: () =>
        `{"operations":[${list(OPERATIONS_MAX.value, (i) => `{"set_payload":{"points":[${uuid(i)}],"payload":{"n":${i}}}}`)}]}`,
      status: 200,
    },
    {
      what: 'most points of one operation',
      method: 'POST',
      path: `${SMALL}/points/batch?wait=true`,
      body: () => `{"operations":[{"upsert":${smallPoints(String)}}]}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/delete': [
    {
      what: 'most ids',
      method: 'POST',
      path: `${SMALL}/points/delete?wait=true`,
      body: () => `{"points":[${list(WRITE_POINTS_MAX.value, uuid)}]}`,
      status: 200,
    },
    {
      what: 'all points',
      method: 'POST',
      path: `${SMALL}/points/delete?wait=true&timeout=120`,
      body: () => '{"filter":{"must":[]}}',
      status: 200,
    },
  ],
}
