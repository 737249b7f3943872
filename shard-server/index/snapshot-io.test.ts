/** Files of snapshots that are read ahead. */
import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { contentsOf, writeFile } from './snapshot-io.ts'
import type { SnapshotFile } from './snapshot-manifest.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-files-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const bytesOf = (n: number, length: number) => new Uint8Array(length).map((_, i) => n + 7 * i)

describe('files that are read ahead', () => {
  it('come one after the other with their own content, whatever their number and their lengths', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 3000 }), { maxLength: 30 }), async (lengths) => {
        const files: SnapshotFile[] = []
        for (const [n, length] of lengths.entries())
          files.push(await writeFile(folder, `${n}.bin`, [bytesOf(n, length)]))
        let n = 0
        for await (const content of contentsOf(folder, files)) {
          expect(Uint8Array.from(content)).toEqual(bytesOf(n, lengths[n] as number))
          n++
        }
        expect(n).toBe(lengths.length)
      }),
      { numRuns: 20 },
    )
  })

  it('end at the first that is not what was written, after all before it', async () => {
    const files: SnapshotFile[] = []
    for (let n = 0; n < 20; n++) files.push(await writeFile(folder, `damaged-${n}.bin`, [bytesOf(n, 100)]))
    appendFileSync(join(folder, 'damaged-11.bin'), '!')
    let read = 0
    const reading = async () => {
      for await (const content of contentsOf(folder, files)) read += content.length / 100
    }
    await expect(reading()).rejects.toThrow(/damaged-11.bin is damaged/)
    expect(read).toBe(11)
  })
})
