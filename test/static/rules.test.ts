/**
 * The numbered rules of the DESIGN documents, read both ways: a rule names the code that enforces it and the tests that try to
 * break it, and what names a rule in parentheses, or after the word rule, names one that stands in a document.
 */
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ROOT, textOf } from './sources.ts'

const SKIPPED = /(^|\/)(node_modules|\..*|dist|charts)(\/|$)/
const RULE_ROW = /^\| *([A-Z]\d{1,3}) *\|(.*)\|$/
const LIST = '[A-Z]\\d{1,3}(?:(?:, | and | or | to )[A-Z]\\d{1,3})*'
const CITATIONS = new RegExp(`\\(${LIST}\\)|\\brules? ${LIST}`, 'g')

/** Of a text in code font: a file of a program, or a name of a symbol, with those that it is a part of. */
const CODE_FONT = /`([^`]+)`/g
const CODE_FILE = /^[\w./-]+\.(ts|mts|mjs|lua)$/
/** Symbols, and the file that the document names as theirs. */
const SYMBOLS_IN_FILE = /((?:`[\w.#]+`(?:, | and )?)+) in `([\w./-]+\.ts)`/g
const SYMBOL = /^[A-Za-z]\w*(\.#?\w+)*$/

interface Rule {
  id: string
  document: string
  /** What its column of code has in code font. */
  code: string[]
  symbolsInFile: { symbols: string[]; file: string }[]
  /** Test files that its last column names, as they are written there. */
  tests: string[]
}

const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((path) => !SKIPPED.test(path))
const documents = files.filter((path) => path.endsWith('DESIGN.md'))
const tests = files.filter((path) => path.endsWith('.test.ts'))
const programs = files.filter((path) => /\.(ts|mts|mjs|lua)$/.test(path) && !/^test\/|\.test\.ts$/.test(path))
const sources = files.filter((path) => /\.(ts|mts|mjs|lua)$/.test(path))

const wordsInCodeFont = (text: string) => [...text.matchAll(CODE_FONT)].map(([, word]) => word as string)

function rulesIn(document: string): Rule[] {
  return textOf(document)
    .split('\n')
    .flatMap((line) => {
      const [, id, cells] = RULE_ROW.exec(line) ?? []
      if (id === undefined || cells === undefined) return []
      const [, code = '', column = ''] = cells.split(' | ')
      const named = [...column.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, name]) => name as string)
      const symbolsInFile = [...code.matchAll(SYMBOLS_IN_FILE)].map(([, list = '', file = '']) => ({
        symbols: list.match(/\w+(?=`)/g) ?? [],
        file,
      }))
      return [{ id, document, code: wordsInCodeFont(code), symbolsInFile, tests: named }]
    })
}

/** The files that a name, with as many folders before it as are needed, can mean. */
const meantBy = (name: string, among = tests) => among.filter((path) => path === name || path.endsWith(`/${name}`))

/** The files of programs that a name in a document can mean: those in its own folder come before all others. */
function codeMeantBy(name: string, document: string): string[] {
  const all = meantBy(name, programs)
  const own = all.filter((path) => path.startsWith(document.replace(/DESIGN\.md$/, '')))
  return own.length > 0 ? own : all
}

/** The rules that a text names; of `L1 to L4` the first and the last. */
function citedIn(file: string): string[] {
  return [...textOf(file).matchAll(CITATIONS)].flatMap(([text]) => text.match(/\b[A-Z]\d{1,3}\b/g) ?? [])
}

const rules = documents.flatMap(rulesIn)
const letters = new Set(rules.map(({ id }) => id.slice(0, 1)))

describe('rules of the DESIGN documents', () => {
  it('have a number that no other document uses', () => {
    expect(rules.length).toBeGreaterThan(100)
    const ids = rules.map(({ id }) => id)
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([])
  })

  it('each name at least one test, and each test that they name is one file', () => {
    const wrong = rules.flatMap(({ id, tests: named }) => {
      const unclear = named.filter((name) => meantBy(name).length !== 1)
      return named.length === 0 || unclear.length > 0 ? [{ id, unclear }] : []
    })
    expect(wrong).toEqual([])
  })

  it('name only code that exists: each file is one file, and each symbol stands in a program', () => {
    const words = new Set(programs.flatMap((file) => textOf(file).match(/\w+/g) ?? []))
    const wrong = rules.flatMap(({ id, document, code }) => {
      const unclear = code.filter((name) => CODE_FILE.test(name) && codeMeantBy(name, document).length !== 1)
      const symbols = code.filter((name) => SYMBOL.test(name) && !CODE_FILE.test(name))
      const gone = symbols.filter((name) => name.match(/\w+/g)?.some((word) => !words.has(word)))
      return unclear.length + gone.length > 0 ? [{ id, unclear, gone }] : []
    })
    expect(wrong).toEqual([])
    expect(rules.filter(({ code }) => code.some((name) => CODE_FILE.test(name))).length).toBeGreaterThan(60)
  })

  it('name no symbol in a file that does not have it', () => {
    const wrong = rules.flatMap(({ id, document, symbolsInFile }) =>
      symbolsInFile.flatMap(({ symbols, file }) => {
        const text = codeMeantBy(file, document).map(textOf).join()
        const gone = symbols.filter((symbol) => !new RegExp(`\\b${symbol}\\b`).test(text))
        return gone.length > 0 ? [{ id, file, gone }] : []
      }),
    )
    expect(wrong).toEqual([])
    expect(rules.flatMap(({ symbolsInFile }) => symbolsInFile).length).toBeGreaterThan(10)
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
        const rule = rules.find((one) => one.id === id)
        return rule && !rule.tests.some((name) => meantBy(name).includes(file)) ? [{ file, id }] : []
      }),
    )
    expect(missing).toEqual([])
  })
})
