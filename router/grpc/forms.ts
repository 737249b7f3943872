/**
 * What becomes of the messages of a request: the object that a body of REST would have in their place, which the parsers of
 * `router/requests` read. A message without what it must have becomes an object without it, and the parser says what is missing.
 */
import type { Forms, Message } from './wire/decode.ts'

/** The words of REST are in lower case: `InsertOnly` is `insert_only`. */
export function wordOf(name: string): string {
  return name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase()
}

const NANOS = 1e9

function timeText({ seconds = 0, nanos = 0 }: Message): string {
  const ms = Number(seconds) * 1000
  // Beyond what a time can be, the parser refuses it by its place.
  if (!(Math.abs(ms) <= 8.64e15) || !(Number(nanos) >= 0 && Number(nanos) < NANOS)) return 'no time'
  const whole = new Date(ms).toISOString().replace(/\.\d+Z$/, '')
  return `${whole}.${String(nanos).padStart(9, '0')}Z`
}

function valueOf({ null_value: _null, struct_value: struct, list_value: list, ...others }: Message): unknown {
  const [scalar] = Object.values(others)
  return scalar ?? struct ?? list ?? null
}

/** `data` stands where older clients have the values of a dense vector. */
function vectorOf({ data, dense }: Message): unknown {
  return dense ?? data ?? new Float32Array(0)
}

function matchOf(match: Message): unknown {
  const {
    keyword,
    integer,
    boolean,
    keywords,
    integers,
    except_keywords: notKeywords,
    except_integers: notIntegers,
    ...texts
  } = match
  const value = keyword ?? integer ?? boolean
  const any = keywords ?? integers
  const except = notKeywords ?? notIntegers
  if (value !== undefined) return { value }
  if (any !== undefined) return { any }
  return except === undefined ? texts : { except }
}

function conditionOf({ field, has_id, filter, nested, has_vector, ...fields }: Message): unknown {
  if (field !== undefined) return field
  if (filter !== undefined) return filter
  if (nested !== undefined) return { nested }
  return { ...fields, ...(has_id === undefined ? {} : { has_id }), ...(has_vector === undefined ? {} : { has_vector }) }
}

function fieldConditionOf({ key = '', datetime_range, ...tests }: Message): unknown {
  return { key, ...tests, ...(datetime_range === undefined ? {} : { range: datetime_range }) }
}

/** The parser knows each kind of a query by the name of its member. */
function queryOf({ nearest_with_mmr: mmr, sample, ...query }: Message): unknown {
  return mmr ?? (sample === undefined ? query : { sample: 'random' })
}

export const FORMS: Forms = {
  Value: valueOf,
  Struct: ({ fields }) => fields ?? {},
  ListValue: ({ values }) => values ?? [],
  Timestamp: timeText,

  PointId: ({ num, uuid }) => num ?? uuid ?? '',
  DenseVector: ({ data }) => data ?? new Float32Array(0),
  Vector: vectorOf,
  NamedVectors: ({ vectors }) => vectors ?? {},
  Vectors: ({ vector, vectors }) => vector ?? vectors,
  VectorInput: ({ id, dense }) => dense ?? id,
  PointStruct: ({ vectors, ...point }) => ({ ...point, ...(vectors === undefined ? {} : { vector: vectors }) }),
  PointVectors: ({ vectors, ...point }) => ({ ...point, ...(vectors === undefined ? {} : { vector: vectors }) }),

  KeyCondition: ({ key = '' }) => ({ key }),
  HasIdCondition: ({ has_id }) => has_id ?? [],
  HasVectorCondition: ({ has_vector = '' }) => has_vector,
  NestedCondition: ({ key = '', filter = {} }) => ({ key, filter }),
  MinShould: ({ conditions = [], min_count = 0 }) => ({ conditions, min_count }),
  Condition: conditionOf,
  FieldCondition: fieldConditionOf,
  Match: matchOf,
  RepeatedStrings: ({ strings }) => strings ?? [],
  RepeatedIntegers: ({ integers }) => integers ?? [],
  GeoPoint: ({ lon = 0, lat = 0 }) => ({ lon, lat }),
  GeoRadius: ({ center, radius = 0 }) => ({ center, radius }),
  GeoLineString: ({ points }) => ({ points: points ?? [] }),

  FieldSelector: ({ fields }) => fields ?? [],
  WithPayloadSelector: ({ enable, ...paths }) => enable ?? paths,
  VectorsSelector: ({ names }) => names ?? [],
  WithVectorsSelector: ({ enable, include }) => enable ?? include,
  PointsIdsList: ({ ids }) => ids ?? [],
  StartFrom: (start) => Object.values(start)[0],
  OrderBy: ({ direction, ...order }) => ({
    ...order,
    ...(direction === undefined ? {} : { direction: wordOf(direction as string) }),
  }),
  RecommendInput: ({ strategy, ...examples }) => ({
    ...examples,
    ...(strategy === undefined ? {} : { strategy: wordOf(strategy as string) }),
  }),
  ContextInput: ({ pairs }) => pairs ?? [],
  NearestInputWithMmr: ({ nearest, mmr }) => ({ nearest, mmr: mmr ?? {} }),
  Query: queryOf,

  VectorParams: ({ size = 0, distance = 'UnknownDistance', ...params }) => ({ size, distance, ...params }),
  VectorParamsMap: ({ map }) => map ?? {},
  VectorsConfig: ({ params, params_map }) => params ?? params_map ?? {},
}
