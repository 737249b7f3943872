/** The largest requests that read points. */
import { LIMITS } from '../../../core/limits.ts'
import {
  ALL,
  BATCH_LIMIT,
  costliestFilter,
  everything,
  examples,
  filteredSearches,
  floats,
  get,
  type LargeRequest,
  largestFilter,
  list,
  MMR_CANDIDATES,
  pointsWithPlaces,
  query,
  SMALL,
  SMALL_DIMENSION,
  search,
  searches,
  uuid,
  WIDE,
  WIDE_DIMENSION,
  WIDE_POINTS,
} from './bodies.ts'

const { RETRIEVE_IDS_MAX, SEARCHES_MAX, EXAMPLES_MAX } = LIMITS

export const READS: Record<string, LargeRequest[]> = {
  'POST /collections/:c/points': [
    {
      what: 'most ids',
      method: 'POST',
      path: `${SMALL}/points`,
      body: () => `{"ids":[${list(RETRIEVE_IDS_MAX.value, uuid)}],"with_payload":true,"with_vector":true}`,
      status: 200,
    },
    {
      what: 'most bytes',
      method: 'POST',
      path: `${WIDE}/points`,
      body: () => `{"ids":[${list(RETRIEVE_IDS_MAX.value, String)}],"with_payload":true,"with_vector":true}`,
      status: 200,
    },
    {
      what: 'most keys of payloads',
      method: 'POST',
      path: `${WIDE}/points`,
      body: () =>
        `{"ids":[${list(RETRIEVE_IDS_MAX.value, String)}],"with_payload":[${list(LIMITS.PAYLOAD_KEYS_MAX.value, (i) => `"${i.toString(36)}"`)}]}`,
      status: 200,
    },
  ],
  'GET /collections/:c/points/:id': get(`${WIDE}/points/1`),
  'POST /collections/:c/points/scroll': [
    {
      what: 'most points',
      method: 'POST',
      path: `${SMALL}/points/scroll`,
      body: () => `{"limit":${ALL},"with_payload":true,"with_vector":true}`,
      status: 200,
    },
    {
      what: 'most bytes',
      method: 'POST',
      path: `${WIDE}/points/scroll`,
      body: () => `{"limit":${ALL},"with_payload":true,"with_vector":true}`,
      status: 200,
    },
    {
      what: 'the largest filter',
      method: 'POST',
      path: `${SMALL}/points/scroll`,
      body: () => `{${largestFilter()}}`,
      status: 200,
    },
    {
      what: 'most points in the order of a key',
      method: 'POST',
      path: `${SMALL}/points/scroll`,
      body: () => `{"order_by":"n","limit":${ALL},"with_payload":true,"with_vector":true}`,
      status: 200,
    },
  ],
  'POST /collections/:c/facet': [
    {
      what: 'most values',
      method: 'POST',
      path: `${SMALL}/facet`,
      body: () => `{"key":"name","limit":${ALL}}`,
      status: 200,
    },
    {
      what: 'the largest filter',
      method: 'POST',
      path: `${SMALL}/facet`,
      body: () => `{"key":"n",${largestFilter()}}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/query/groups': [
    {
      what: 'most groups',
      method: 'POST',
      path: `${SMALL}/points/query/groups`,
      body: () => query(`"group_by":"name","limit":${ALL},"group_size":${ALL},${everything}`, SMALL_DIMENSION),
      status: 200,
    },
    {
      what: 'few groups among many points that are in none',
      method: 'POST',
      path: `${SMALL}/points/query/groups`,
      body: () => query(`"group_by":"nothing","limit":2,${everything}`, SMALL_DIMENSION),
      status: 200,
    },
  ],
  'POST /collections/:c/points/search/groups': [
    {
      what: 'most points of a group',
      method: 'POST',
      path: `${SMALL}/points/search/groups`,
      body: () => search(`"group_by":"n","limit":1000,"group_size":1000,${everything}`, SMALL_DIMENSION),
      status: 200,
    },
  ],
  'POST /collections/:c/points/recommend/groups': [
    {
      what: 'most groups',
      method: 'POST',
      path: `${SMALL}/points/recommend/groups`,
      body: () => `{"positive":[1,2],"strategy":"best_score","group_by":"name","limit":${ALL}}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/recommend': [
    {
      what: 'most examples, and all points',
      method: 'POST',
      path: `${SMALL}/points/recommend?timeout=120`,
      body: () => `{"positive":[${examples()}],"strategy":"sum_scores","limit":${ALL},${everything}}`,
      status: 200,
    },
    {
      what: 'most bytes of examples',
      method: 'POST',
      path: `${WIDE}/points/recommend?timeout=120`,
      body: () => `{"positive":[${list(WIDE_POINTS, String)}],"strategy":"best_score","limit":${ALL},${everything}}`,
      status: 200,
    },
    {
      what: 'too many examples',
      method: 'POST',
      path: `${SMALL}/points/recommend`,
      body: () => `{"positive":[1,${examples()}]}`,
      status: 413,
    },
  ],
  'POST /collections/:c/points/recommend/batch': [
    {
      what: 'most queries',
      method: 'POST',
      path: `${SMALL}/points/recommend/batch?timeout=120`,
      body: () =>
        `{"searches":[${list(SEARCHES_MAX.value, (i) => `{"positive":[${i}],"strategy":"best_score","limit":${BATCH_LIMIT - 1}}`)}]}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/discover': [
    {
      what: 'most examples',
      method: 'POST',
      path: `${SMALL}/points/discover?timeout=120`,
      body: () =>
        `{"target":0,"context":[${list(EXAMPLES_MAX.value / 2 - 1, (i) => `{"positive":${i},"negative":${i + 1}}`)}],"limit":${ALL}}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/discover/batch': [
    {
      what: 'most queries',
      method: 'POST',
      path: `${SMALL}/points/discover/batch?timeout=120`,
      body: () => `{"searches":[${list(SEARCHES_MAX.value, (i) => `{"target":${i}}`)}]}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/count': [
    { what: '', method: 'POST', path: `${SMALL}/points/count`, body: () => '{"exact":true}', status: 200 },
    {
      what: 'the largest filter',
      method: 'POST',
      path: `${SMALL}/points/count`,
      body: () => `{${largestFilter()}}`,
      status: 200,
    },
    {
      what: 'points of many places, for the next one',
      method: 'PUT',
      path: `${SMALL}/points?wait=true`,
      body: pointsWithPlaces,
      status: 200,
    },
    {
      what: 'the costliest filter',
      method: 'POST',
      path: `${SMALL}/points/count`,
      body: () => `{${costliestFilter()}}`,
      status: 200,
    },
  ],
  'POST /collections/:c/points/query': [
    {
      what: 'all points, without a query',
      method: 'POST',
      path: `${SMALL}/points/query`,
      body: () => `{"limit":${ALL},"with_payload":true,"with_vector":true}`,
      status: 200,
    },
    {
      what: 'most comparisons of mmr',
      method: 'POST',
      path: `${SMALL}/points/query?timeout=120`,
      body: () =>
        `{"query":{"nearest":[${floats(5, SMALL_DIMENSION)}],"mmr":{"candidates_limit":${MMR_CANDIDATES}}},"limit":${ALL},${everything}}`,
      status: 200,
    },
    {
      what: 'all points by chance',
      method: 'POST',
      path: `${SMALL}/points/query`,
      body: () => `{"query":{"sample":"random"},"limit":${ALL},"with_payload":true,"with_vector":true}`,
      status: 200,
    },
    {
      what: 'most hits',
      method: 'POST',
      path: `${SMALL}/points/query`,
      body: () => query(`"limit":${ALL},"offset":1,${everything}`, SMALL_DIMENSION),
      status: 200,
    },
    {
      what: 'most bytes',
      method: 'POST',
      path: `${WIDE}/points/query`,
      body: () => query(`"limit":${ALL},${everything}`, WIDE_DIMENSION),
      status: 200,
    },
  ],
  'POST /collections/:c/points/search': [
    {
      what: 'most hits',
      method: 'POST',
      path: `${SMALL}/points/search`,
      body: () => search(`"limit":${ALL},"offset":1,${everything}`, SMALL_DIMENSION),
      status: 200,
    },
  ],
  'POST /collections/:c/points/query/batch': [
    {
      what: 'most queries and hits',
      method: 'POST',
      path: `${SMALL}/points/query/batch`,
      body: () => searches('query', BATCH_LIMIT),
      status: 200,
    },
    {
      what: 'most filters',
      method: 'POST',
      path: `${SMALL}/points/query/batch?timeout=120`,
      body: filteredSearches,
      status: 200,
    },
    {
      // While there are so many rows.
      what: 'more hits than may be',
      method: 'POST',
      path: `${SMALL}/points/query/batch`,
      body: () => searches('query', BATCH_LIMIT + 1),
      status: 413,
    },
  ],
  'POST /collections/:c/points/search/batch': [
    {
      what: 'most queries and hits',
      method: 'POST',
      path: `${SMALL}/points/search/batch`,
      body: () => searches('vector', BATCH_LIMIT),
      status: 200,
    },
    {
      what: 'most bytes of queries',
      method: 'POST',
      path: `${WIDE}/points/search/batch`,
      body: () =>
        `{"searches":[${list(WIDE_POINTS, (i) =>
          search('"limit":1', WIDE_DIMENSION)
            .replace('[', `[${i}.5,`)
            .replace(/,[^,]*\]/, ']'),
        )}]}`,
      status: 200,
    },
  ],
}
