import { describe, expect, it } from 'vitest'
import type { CollectionConfig } from '../../protocol/env/config.ts'
import { inSlices } from '../../runtime/slices.ts'
import { parseUpsert } from './point-requests.ts'

const config = { vectors: { '': { size: 1000, metric: 'L2' } }, walBudgetBytes: 40_000 } as CollectionConfig
const vector = Array.from({ length: 1000 }, (_, i) => i)

describe('a point beyond its share of the log', () => {
  it('is refused for good, since the log would have no room for it however long it is waited for', async () => {
    expect(await inSlices(parseUpsert({ points: [{ id: 1, vector }] }, config))).toHaveLength(1)
    const point = { id: 1, vector, payload: { text: 'x'.repeat(1000) } }
    await expect(inSlices(parseUpsert({ points: [point] }, config))).rejects.toThrowError(
      expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', message: expect.stringMatching(/budget of a cell's log/) }),
    )
  })
})
