/** Places on the earth, as a sphere: what lies on an edge is outside. */
import type { GeoPoint } from './filter.ts'

/** Mean radius of the earth (IUGG), rounded as GeoRust and so Qdrant have it. */
const EARTH_METERS = 6_371_008.8

/** Great-circle distance, by the haversine formula. */
export function distanceMeters(a: GeoPoint, b: GeoPoint): number {
  const [from, to] = [radians(a.lat), radians(b.lat)]
  const across = Math.sin((to - from) / 2) ** 2
  const along = Math.cos(from) * Math.cos(to) * Math.sin(radians(b.lon - a.lon) / 2) ** 2
  return 2 * EARTH_METERS * Math.asin(Math.sqrt(Math.min(1, across + along)))
}

/** Degrees of latitude that no place so near can be away, with some more for rounding. */
export function degreesNorth(meters: number): number {
  const ROUNDING = 1e-6
  return ((meters / EARTH_METERS) * 180) / Math.PI + ROUNDING
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180
}

/** A box whose left edge lies east of its right one crosses the antimeridian. */
export function inBox({ lon, lat }: GeoPoint, topLeft: GeoPoint, bottomRight: GeoPoint): boolean {
  if (!(bottomRight.lat < lat && lat < topLeft.lat)) return false
  const [left, right] = [topLeft.lon, bottomRight.lon]
  return left > right ? lon > left || lon < right : left < lon && lon < right
}

/** @param interiors holes; a place on the edge of one is outside */
export function inPolygon(
  point: GeoPoint,
  exterior: readonly GeoPoint[],
  interiors: readonly (readonly GeoPoint[])[],
): boolean {
  return sideOf(point, exterior) === 'inside' && interiors.every((ring) => sideOf(point, ring) === 'outside')
}

/** Of a closed ring in the plane of degrees: counts the edges that a ray to the east crosses. */
function sideOf({ lon, lat }: GeoPoint, ring: readonly GeoPoint[]): 'inside' | 'edge' | 'outside' {
  let inside = false
  for (let i = 1; i < ring.length; i++) {
    const [a, b] = [ring[i - 1] as GeoPoint, ring[i] as GeoPoint]
    const turn = (b.lon - a.lon) * (lat - a.lat) - (b.lat - a.lat) * (lon - a.lon)
    const beside = Math.min(a.lon, b.lon) <= lon && lon <= Math.max(a.lon, b.lon)
    if (turn === 0 && beside && Math.min(a.lat, b.lat) <= lat && lat <= Math.max(a.lat, b.lat)) return 'edge'
    if (a.lat > lat !== b.lat > lat && turn > 0 === b.lat > a.lat) inside = !inside
  }
  return inside ? 'inside' : 'outside'
}
