/** Filters: which points a query, a count or a scroll is about. The language is Qdrant's; keys and values follow the payload's type. */

type Payload = Record<string, unknown>
type PointId = number | bigint | string

/** All of `must`, none of `must_not`, one of `should` if it has any, and `min_count` of `min_should`. */
export interface Filter<P extends Payload = Payload> {
  must?: Conditions<P>
  must_not?: Conditions<P>
  should?: Conditions<P>
  min_should?: { conditions: readonly Condition<P>[]; min_count: number }
}

type Conditions<P extends Payload> = Condition<P> | readonly Condition<P>[]

export type Condition<P extends Payload = Payload> =
  | FieldCondition<P>
  | { is_empty: { key: FieldKey<P> } }
  | { is_null: { key: FieldKey<P> } }
  | { has_id: readonly PointId[] }
  | { has_vector: string }
  /** One object of the list at `key` matches, alone. */
  | { nested: { key: FieldKey<P>; filter: Filter } }
  | Filter<P>

/** Into objects and lists: `a.b`, `a[].b`, `a[0]`. */
type DeepKey = `${string}.${string}` | `${string}[${string}`
type FieldKey<P extends Payload> = (keyof P & string) | DeepKey

/** A list matches if one of its elements does. */
export type FieldCondition<P extends Payload = Payload> =
  | { [K in keyof P & string]: { key: K } & FieldTest<P[K]> }[keyof P & string]
  | ({ key: DeepKey } & FieldTest<unknown>)

type Scalar = string | number | bigint | boolean
/** The values that a field of this type can match: those of its elements if it is a list. */
type ValueOf<T> = unknown extends T
  ? Scalar
  : NonNullable<T> extends readonly (infer E)[]
    ? Extract<E, Scalar>
    : Extract<NonNullable<T>, Scalar>

type FieldTest<T> =
  | { match: Match<ValueOf<T>> }
  | { range: Range<number | bigint> | Range<string> }
  | { values_count: Range<number> }
  | { geo_radius: { center: GeoPoint; radius: number } }
  | { geo_bounding_box: { top_left: GeoPoint; bottom_right: GeoPoint } }
  | { geo_polygon: { exterior: GeoRing; interiors?: readonly GeoRing[] } }
  | { is_empty: boolean }
  | { is_null: boolean }

/** Numbers match as whole numbers; for others there is `range`. */
export type Match<V = Scalar> =
  | { value: V }
  | { any: readonly V[] }
  | { except: readonly V[] }
  | { text: string }
  | { text_any: string }
  | { phrase: string }

/** Numbers, or times as `2026-01-31T12:00:00Z` or `2026-01-31`. */
export interface Range<B> {
  gt?: B
  gte?: B
  lt?: B
  lte?: B
}

/** Degrees. */
export interface GeoPoint {
  lon: number
  lat: number
}

/** The last point is the first again. */
export interface GeoRing {
  points: readonly GeoPoint[]
}
