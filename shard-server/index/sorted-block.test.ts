import { describe, expect, it } from 'vitest'
import { areaTest } from '../../core/filter/field-tests.ts'
import type { GeoPoint } from '../../core/filter/filter.ts'
import { seededRandom } from '../../core/random.ts'
import { RowMask } from './row-mask.ts'
import { GeoBlock } from './sorted-block.ts'

const ROWS = 2048
/** Times the places of the block more than are looked at without a pause. */
const MANY_CORNERS = 8192

function circle(corners: number): GeoPoint[] {
  const points = Array.from({ length: corners }, (_, i) => {
    const turn = (2 * Math.PI * i) / corners
    return { lon: 10 + 5 * Math.cos(turn), lat: 20 + 5 * Math.sin(turn) }
  })
  return [...points, points[0] as GeoPoint]
}

function found(corners: number) {
  const random = seededRandom(4)
  const block = new GeoBlock(ROWS)
  const places = Array.from({ length: ROWS }, () => ({ lon: 4 + 12 * random(), lat: 14 + 12 * random() }))
  for (const [row, place] of places.entries()) block.add(row, place)
  const test = { is: 'polygon', exterior: circle(corners), interiors: [] } as const
  const named = RowMask.below(ROWS)
  named.removeBefore(ROWS)
  const answer = block.find(test, 0)
  answer?.addTo(named)
  const within = places.map(areaTest(test))
  return { exact: answer?.exact, rows: within.map((_, row) => named.has(row)), within }
}

describe('places of a block in a polygon', () => {
  it('are the rows within, if it has few corners', () => {
    const { exact, rows, within } = found(64)
    expect(exact).toBe(true)
    expect(rows).toEqual(within)
  })

  it('are all rows within and some beside it, left to their payloads, if its corners would hold up the thread', () => {
    const { exact, rows, within } = found(MANY_CORNERS)
    expect(exact).toBe(false)
    expect(within.every((inside, row) => !inside || rows[row])).toBe(true)
    const [named, inside] = [rows.filter(Boolean).length, within.filter(Boolean).length]
    expect(named).toBeGreaterThan(inside)
    expect(named).toBeLessThan(ROWS)
  })
})
