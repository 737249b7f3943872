/**
 * Filters: which points a request is about, by their ids and payloads. This is the one form behind REST, the client and the
 * command line; `parse-filter.ts` makes it from JSON, `compile-filter.ts` evaluates it. What each condition means is
 * Qdrant's, as its documentation of filtering and its condition checker have it.
 */
import type { IdKey } from '../ids.ts'
import { exactParse, exactStringify } from '../json/exact-json.ts'
import type { JsonPath } from '../json/json-path.ts'

/** All of `must`, none of `mustNot`, one of `should` if it has any, and so many of `minShould`. */
export interface Filter {
  must: readonly Condition[]
  mustNot: readonly Condition[]
  should: readonly Condition[]
  minShould?: { conditions: readonly Condition[]; minCount: number }
}

export type Condition =
  | { is: 'filter'; filter: Filter }
  | { is: 'hasId'; keys: readonly IdKey[] }
  /** Does the point have a vector of this name? '' is the default vector. */
  | { is: 'hasVector'; name: string }
  /** Does one object of the list at the path match, alone? */
  | { is: 'nested'; path: JsonPath; filter: Filter }
  /** Is the field absent, or are all its values null or empty lists? */
  | { is: 'empty'; path: JsonPath }
  /** Is one of its values null, or a list that holds a null? */
  | { is: 'null'; path: JsonPath }
  /** Does one of the values at the path pass? A list there stands for its elements. */
  | { is: 'field'; path: JsonPath; test: FieldTest }

/** Integers are exact: bigints if a float64 cannot hold them. */
export type Scalar = string | boolean | number | bigint

export type FieldTest =
  | { is: 'any'; values: readonly Scalar[] }
  /** Any value but these, and but null. */
  | { is: 'except'; values: readonly Scalar[] }
  | { is: 'text'; text: string }
  | { is: 'textAny'; text: string }
  | { is: 'phrase'; text: string }
  | { is: 'range'; bounds: Bounds }
  /** Of texts that name a time; the bounds are nanoseconds since 1970. */
  | { is: 'datetime'; bounds: Bounds }
  | { is: 'radius'; center: GeoPoint; meters: number }
  | { is: 'box'; topLeft: GeoPoint; bottomRight: GeoPoint }
  | { is: 'polygon'; exterior: readonly GeoPoint[]; interiors: readonly (readonly GeoPoint[])[] }
  /** How many values the field has; a field that is not there has 0. */
  | { is: 'count'; bounds: Bounds }
  /** As the condition `empty`, or its opposite. */
  | { is: 'isEmpty'; wanted: boolean }
  /** As the condition `null`, or its opposite. */
  | { is: 'isNull'; wanted: boolean }

/** Comparisons, all of which must hold. A number and a bigint compare as the numbers that they are. */
export interface Bounds {
  gt?: number | bigint
  gte?: number | bigint
  lt?: number | bigint
  lte?: number | bigint
}

/** Degrees. */
export interface GeoPoint {
  lon: number
  lat: number
}

/** A filter as JSON text: the form in which it travels, the same text for the same conditions in the same order. */
export type FilterText = string & { readonly __brand: 'FilterText' }

export function encodeFilter(filter: Filter): FilterText {
  return exactStringify(filter) as FilterText
}

/** @param text made by `encodeFilter`: it is trusted */
export function decodeFilter(text: FilterText): Filter {
  return exactParse(text) as Filter
}

/** Has the filter no condition at all? Then every point matches, as without a filter. */
export function isUnconditional({ must, mustNot, should, minShould }: Filter): boolean {
  return must.length === 0 && mustNot.length === 0 && should.length === 0 && minShould === undefined
}
