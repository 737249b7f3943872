/**
 * The numbered rules of the DESIGN documents, read both ways: a rule names the tests that try to break it, and what names a
 * rule in parentheses, or after the word rule, names one that stands in a document.
 */
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ROOT, textOf } from './sources.ts'

/** Documents whose rules have no column of tests yet. */
const WITHOUT_TESTS = ['router/DESIGN.md', 'shard-server/DESIGN.md', 'store/DESIGN.md']
const SKIPPED = /(^|\/)(node_modules|\..*|dist|charts)(\/|$)/
const RULE_ROW = /^\| *([A-Z]\d{1,3}) *\|(.*)\|$/
const LIST = '[A-Z]\\d{1,3}(?:(?:, | and | or | to )[A-Z]\\d{1,3})*'
const CITATIONS = new RegExp(`\\(${LIST}\\)|\\brules? ${LIST}`, 'g')

interface Rule {
  id: string
  document: string
  /** Test files that its last column names, as they are written there. */
  tests: string[]
}

const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((path) => !SKIPPED.test(path))
const documents = files.filter((path) => path.endsWith('DESIGN.md'))
const tests = files.filter((path) => path.endsWith('.test.ts'))
const sources = files.filter((path) => /\.(ts|mts|mjs|lua)$/.test(path))

function rulesIn(document: string): Rule[] {
  return textOf(document)
    .split('\n')
    .flatMap((line) => {
      const [, id, cells] = RULE_ROW.exec(line) ?? []
      if (id === undefined || cells === undefined) return []
      const column = cells.split(' | ').at(-1) as string
      return [
        { id, document, tests: [...column.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, name]) => name as string) },
      ]
    })
}

/** The files that a name, with as many folders before it as are needed, can mean. */
const meantBy = (name: string) => tests.filter((path) => path === name || path.endsWith(`/${name}`))

/** The rules that a text names; of `L1 to L4` the first and the last. */
function citedIn(file: string): string[] {
  return [...textOf(file).matchAll(CITATIONS)].flatMap(([text]) => text.match(/\b[A-Z]\d{1,3}\b/g) ?? [])
}

const rules = documents.flatMap(rulesIn)
const tested = rules.filter(({ document }) => !WITHOUT_TESTS.includes(document))
const letters = new Set(rules.map(({ id }) => id.slice(0, 1)))

describe('rules of the DESIGN documents', () => {
  it('have a number that no other document uses', () => {
    expect(rules.length).toBeGreaterThan(100)
    const ids = rules.map(({ id }) => id)
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([])
  })

  it('each name at least one test, and each test that they name is one file', () => {
    const wrong = tested.flatMap(({ id, tests: named }) => {
      const unclear = named.filter((name) => meantBy(name).length !== 1)
      return named.length === 0 || unclear.length > 0 ? [{ id, unclear }] : []
    })
    expect(wrong).toEqual([])
  })

  it('exist if a source or a test names them', () => {
    const known = new Set(rules.map(({ id }) => id))
    const unknown = sources.flatMap((file) =>
      citedIn(file)
        .filter((id) => letters.has(id.slice(0, 1)) && !known.has(id))
        .map((id) => ({ file, id })),
    )
    expect(unknown).toEqual([])
  })

  it('have among their tests each one that names them', () => {
    const missing = tests.flatMap((file) =>
      citedIn(file).flatMap((id) => {
        const rule = tested.find((one) => one.id === id)
        return rule && !rule.tests.some((name) => meantBy(name).includes(file)) ? [{ file, id }] : []
      }),
    )
    expect(missing).toEqual([])
  })
})
