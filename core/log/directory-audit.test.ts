import { describe, expect, it } from 'vitest'
import { idKey } from '../ids.ts'
import { agrees, correctionOf, directoryText, parseDirectoryRecord } from './directory-audit.ts'
import type { RowFact } from './repair.ts'

const KEY = idKey(1)
const row = (cell: number, flag: RowFact['flag'], version: number, userVersion = version): RowFact => {
  return { cell, flag, version, userVersion }
}
const correction = (text: string, ...rows: RowFact[]) => correctionOf(KEY, parseDirectoryRecord(text), rows, 3)

describe('a value of the directory', () => {
  it.each(['0|||7|7', '2|1||7|9', '0||2|7|9'])('%s reads back as it was written', (text) => {
    const listing = parseDirectoryRecord(text)
    expect(listing && !('deleted' in listing) && directoryText(listing)).toBe(text)
  })

  it('tells a deleted id from one that nobody knows', () => {
    expect([parseDirectoryRecord('-|||9|9'), parseDirectoryRecord('')]).toEqual([{ deleted: 9 }, undefined])
  })
})

describe('the directory and the rows of a cell', () => {
  it.each([
    ['0|||7|7', row(0, 'o', 7), true],
    ['0|1||7|7', undefined, false],
    ['1|||7|7', undefined, true],
    ['1|||7|7', row(0, 'o', 7), false],
    ['0|||7|9', row(0, 'o', 9, 7), true],
    ['0|||7|9', row(0, 'o', 9, 8), false],
    ['1|0||7|7', row(0, 'o', 7), false],
    ['-|||9|9', undefined, true],
    ['-|||9|9', row(0, 'o', 7), false],
    ['', row(0, 'o', 7), false],
  ])('of which one says %j, and the other %o: agree %s', (text, held, expected) => {
    expect(agrees(parseDirectoryRecord(text), 0, held)).toBe(expected)
  })
})

describe('where they differ', () => {
  it('nothing is done if every cell holds what is listed', () => {
    expect(correction('0|1|2|7|9', row(0, 'o', 9, 7), row(1, 'c', 9, 7), row(2, 'l', 9, 7))).toBeUndefined()
  })

  it('a lost value is made from the rows', () => {
    expect(correction('', row(0, 'o', 7), row(2, 'c', 7))).toEqual({
      outcome: 'correct',
      value: { owner: 0, spill: 2, source: null, userVersion: 7, version: 7 },
      stale: [],
    })
  })

  it('an older row that a write could not know of goes, and the newest stays', () => {
    expect(correction('1|||9|9', row(0, 'o', 7), row(2, 'c', 7), row(1, 'o', 9))).toMatchObject({
      value: { owner: 1, spill: null, version: 9 },
      stale: [0, 2],
    })
  })

  it('rows of an id that was deleted after them go', () => {
    expect(correction('-|||9|9', row(0, 'o', 7))).toEqual({ outcome: 'correct', value: undefined, stale: [0] })
  })

  it('a copy that is listed and not held is taken from the list', () => {
    expect(correction('0|1||7|7', row(0, 'o', 7))).toMatchObject({ value: { owner: 0, spill: null }, stale: [] })
  })

  it.each([
    ['no cell has the row that is listed', '0|||9|9', [row(1, 'o', 7)]],
    ['no cell has any row', '0|||9|9', []],
    ['no cell holds it as its owner', '0|1||7|7', [row(1, 'c', 7)]],
  ] as const)('an older row never takes the place of a newer: %s', (_what, text, rows) => {
    expect(correction(text, ...rows)).toEqual({ outcome: 'missing' })
  })
})
