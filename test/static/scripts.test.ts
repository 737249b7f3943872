/** The header of each script of Redis: its keys and arguments, one a line, and its replies. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ROOT, textOf } from './sources.ts'

const files = readdirSync(join(ROOT, 'store/lua')).filter((file) => file !== 'lib.lua')

/** The comment lines that follow the line of flags, and the rest. */
function partsOf(text: string): { header: string[]; body: string } {
  const lines = text.split('\n').slice(1)
  const end = lines.findIndex((line) => !line.startsWith('--'))
  return { header: lines.slice(0, end), body: lines.slice(end).join('\n') }
}

/** Keys and arguments that a script takes by number and its header has no line for. */
function missingIn(text: string): string[] {
  const { header, body } = partsOf(text)
  const used = new Set(body.match(/\b(KEYS|ARGV)\[\d+\]/g))
  return [...used].filter((name) => !header.some((line) => line.startsWith(`-- ${name} `)))
}

it('a script names every key and argument that it takes by number, and what it returns', () => {
  expect(files.length).toBeGreaterThan(20)
  const texts = files.map((file) => ({ file, text: textOf(`store/lua/${file}`) }))
  expect(texts.flatMap(({ file, text }) => missingIn(text).map((name) => `${file}: ${name}`))).toEqual([])
  const silent = texts.filter(({ text }) => !partsOf(text).header.some((line) => /^-- Returns\b.*:$/.test(line)))
  expect(silent.map(({ file }) => file)).toEqual([])
})

it('an argument without a line would be found', () => {
  const text = '#!lua\n-- Reads.\n--\n-- KEYS[1]  meta  hash\n--\n-- Returns one of:\nreturn { KEYS[1], ARGV[1] }'
  expect(missingIn(text)).toEqual(['ARGV[1]'])
})
