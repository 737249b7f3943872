/** The pictures of ARCHITECTURE.md: each stop of a path is a file that exists, and the heading gives their number. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT, textOf } from './sources.ts'

const PICTURE = /^### (.+): (\d+) stops\n\n```mermaid\n([\s\S]*?)\n```$/gm
/** A path of a label may be broken after a slash; the lines after it are words. */
const STOP = /\["(\d+) ([^"]+)"\]/g
const FOLDERS = ['', 'router', 'shard-server', 'supervisor', 'operator']

const paths = [...textOf('ARCHITECTURE.md').matchAll(PICTURE)].map(([, name = '', count, picture = '']) => ({
  name,
  count: Number(count),
  stops: [...picture.matchAll(STOP)].map(([, number, label = '']) => ({
    number: Number(number),
    file: label.replaceAll('/<br/>', '/').split('<br/>')[0] ?? '',
  })),
}))

describe('the paths of ARCHITECTURE.md', () => {
  it('are four', () => {
    expect(paths.map(({ name }) => name)).toEqual([
      'A query',
      'A write',
      'A manifest on one machine',
      'A manifest on Kubernetes',
    ])
  })

  it.each(paths)('$name: has as many stops as its heading says, numbered in order', ({ count, stops }) => {
    expect(stops.map(({ number }) => number)).toEqual(Array.from({ length: count }, (_, i) => i + 1))
  })

  it.each(paths)('$name: each stop is a file that exists', ({ stops }) => {
    const exists = (file: string) =>
      FOLDERS.some((folder) => ['.ts', ''].some((ending) => existsSync(join(ROOT, folder, `${file}${ending}`))))
    expect(stops.filter(({ file }) => !exists(file))).toEqual([])
  })
})
