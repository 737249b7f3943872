/** Queries with their vectors: ids become the vectors of their points, examples become one average or go with their scoring. */
import { badRequest, MaksError } from '../../core/errors.ts'
import { type IdKey, idText } from '../../core/ids.ts'
import type { Metric } from '../../core/metric.ts'
import { normalised } from '../../core/vector.ts'
import type { Collection } from '../cluster/collection.ts'
import type { Example, SearchRequest } from './query-request.ts'
import type { Query } from './search.ts'

/** The ids of all points whose vectors the queries need, each once. */
export function keysOf(requests: readonly SearchRequest[]): IdKey[] {
  return [...new Set(requests.flatMap((request) => keysOfOne(request)))]
}

function keysOfOne({ target }: SearchRequest): IdKey[] {
  const examples = 'examples' in target ? target.examples : [target]
  return examples.flatMap((example) => ('key' in example ? [example.key] : []))
}

/**
 * @param vectors of the points that exist
 * Throws NOT_FOUND if the point of an example does not, BAD_REQUEST if an average is beyond float32.
 */
export function queryOf(
  collection: Collection,
  request: SearchRequest,
  vectors: ReadonlyMap<IdKey, Float32Array>,
): Query {
  const { target, spec } = request
  const vectorOf = (example: Example): Float32Array => {
    if ('vector' in example) return example.vector
    const vector = vectors.get(example.key)
    if (!vector) throw notFound(collection, example.key)
    return vector
  }
  const keys = [...new Set(keysOfOne(request))]
  const excluding = keys.length === 0 ? spec : { ...spec, exclude: keys }
  if (!('examples' in target)) return { spec: excluding, vector: vectorOf(target) }
  const examples = target.examples.map(vectorOf)
  const { metric, size } = collection.config.vectors['']
  if (target.by.is === 'average')
    return { spec: excluding, vector: averageOf(examples, target.by.positives, size, metric) }
  const all = new Float32Array(size * examples.length)
  examples.forEach((example, i) => all.set(example, i * size))
  return { spec: { ...excluding, scoring: target.by }, vector: all }
}

/**
 * The average of the positive examples, and as far beyond it as it is from the average of the negative ones
 * (https://qdrant.tech/documentation/concepts/explore/#average-vector-strategy), normalised under Cosine.
 */
export function averageOf(
  examples: readonly Float32Array[],
  positives: number,
  dimension: number,
  metric: Metric,
): Float32Array {
  const positive = meanOf(examples.slice(0, positives), dimension)
  const negatives = examples.slice(positives)
  const negative = negatives.length === 0 ? positive : meanOf(negatives, dimension)
  const average = Float32Array.from(positive, (value, i) => value + value - (negative[i] as number))
  if (!average.every(Number.isFinite)) throw badRequest('the average of the examples is beyond float32')
  return metric === 'Cosine' ? normalised(average) : average
}

function meanOf(vectors: readonly Float32Array[], dimension: number): Float64Array {
  const mean = new Float64Array(dimension)
  for (const vector of vectors)
    for (let i = 0; i < dimension; i++) mean[i] = (mean[i] as number) + (vector[i] as number)
  return mean.map((sum) => sum / vectors.length)
}

export function notFound({ config }: Collection, key: IdKey): MaksError {
  return new MaksError('NOT_FOUND', `Not found: point ${idText(key)} does not exist in ${config.collection}`)
}
