import { expect, it } from 'vitest'
import { type Cells, settled } from './settle.ts'

const state = (version: number, moving: number, ...points: number[]): Cells => ({
  points: 100,
  centroids: { version, cells_still_moving: moving },
  cells: points.map((count) => ({ points: count })),
})

function reader(states: Cells[]) {
  let i = 0
  return () => Promise.resolve(states[Math.min(i++, states.length - 1)] as Cells)
}

it('waits for training, moving and counting however long it takes, and reports for what', async () => {
  const reasons: string[] = []
  const slow = Array.from({ length: 30 }, () => state(0, 0, 50, 50))
  const moving = Array.from({ length: 30 }, (_, i) => state(1, 2, 50 + i, 50 - i))
  const end = state(1, 0, 80, 20)
  const result = await settled(reader([...slow, ...moving, state(1, 0, 79, 20), end]), (what) => reasons.push(what), {
    pollMs: 1,
    patienceMs: 2000,
  })
  expect(result).toBe(end)
  expect([...new Set(reasons)]).toEqual([
    'k-means to train the 2 cells',
    'points to move to their cells (2 of 2 cells still move some)',
    'the cells to be counted (99 of 100 points)',
  ])
  expect(reasons.length).toBe(61)
})

it('reports it if nothing changes any more, and shows no partition that is not trained', async () => {
  await expect(settled(reader([state(0, 0, 50, 50)]), () => undefined, { pollMs: 1, patienceMs: 30 })).rejects.toThrow(
    /nothing has changed for \d+ s while waiting for k-means to train the 2 cells/,
  )
})
