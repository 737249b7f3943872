/** docs/decisions: each file opens with its date and status, and the index says the same of it. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT, textOf } from './sources.ts'

const FOLDER = 'docs/decisions'
const OPENING =
  /^# .+\n\nDate: (\d{4}-\d\d-\d\d) · Status: (proposed|accepted|superseded by \[\d{4}\]\(\d{4}-[\w-]+\.md\))\n\n/
const ROW = /^\| \[(\d{4})\]\((\d{4}-[\w-]+\.md)\) \| (\S.*?) \| (\d{4}-\d\d-\d\d) \| (\S.*?) \| (\S.*?) \|$/gm

const files = readdirSync(join(ROOT, FOLDER)).filter((name) => name !== 'README.md')
const index = [...textOf(`${FOLDER}/README.md`).matchAll(ROW)].map(([, number, file, , date, status]) => ({
  number,
  file,
  date,
  status,
}))

describe('decisions', () => {
  it('stand in the index, each once, in order, with the date and the status that they open with', () => {
    expect(files.length).toBeGreaterThan(5)
    const opened = files.sort().map((file) => {
      const [, date, status] = OPENING.exec(textOf(`${FOLDER}/${file}`)) ?? []
      return { number: file.slice(0, 4), file, date, status }
    })
    expect(index).toEqual(opened)
  })

  it('have a number of their own, and each row of the index is read', () => {
    expect(new Set(files.map((file) => file.slice(0, 4))).size).toBe(files.length)
    const rows = textOf(`${FOLDER}/README.md`)
      .split('\n')
      .filter((line) => line.startsWith('| ['))
    expect(rows).toHaveLength(index.length)
  })
})
