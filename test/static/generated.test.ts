/** Generated files are committed, and equal to what would be made now. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { referencePages } from '../../tools/reference.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

it.each([...referencePages()])('%s is fresh (npm run generate)', (path, content) => {
  expect(readFileSync(`${root}${path}`, 'utf8')).toBe(content)
})
