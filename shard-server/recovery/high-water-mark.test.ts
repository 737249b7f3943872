import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { HighWaterMark } from './high-water-mark.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-mark-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the high-water mark', () => {
  it('comes back as it was written, and not at all with any one bit flipped', () => {
    const mark = new HighWaterMark(folder)
    const point = { position: { epoch: 1_763_000_000_000, seq: 4711 }, hash: '0123456789abcdef0123' }
    expect(mark.read()).toBeUndefined()
    mark.write(point)
    expect(mark.read()).toEqual(point)
    const path = join(folder, 'high-water-mark.json')
    const good = readFileSync(path)
    for (let bit = 0; bit < 8 * good.length; bit++) {
      const bad = Buffer.from(good)
      bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7))
      writeFileSync(path, bad)
      expect(mark.read(), `bit ${bit}`).toBeUndefined()
    }
  })
})
