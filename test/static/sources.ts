/** The source files of the programs, the rooms that they are in, and what each imports. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

/** All TypeScript files under a folder but tests; `node_modules` and hidden folders are left out. */
export function sourcesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder)).flatMap((name) => {
    const path = join(folder, name)
    if (name === 'node_modules' || name.startsWith('.')) return []
    if (statSync(join(ROOT, path)).isDirectory()) return sourcesIn(path)
    return /\.(ts|mts)$/.test(name) && !/\.(test|d)\.m?ts$/.test(name) ? [path] : []
  })
}

/** The specifiers of a text, types included; a path from the root for a file of ours. */
export function importsOf(file: string, text = textOf(file)): string[] {
  const pattern = /^(?:import|export)\s[^'"]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm
  return [...text.matchAll(pattern)].map((match) => {
    const specifier = (match[1] ?? match[2] ?? match[3]) as string
    return specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier
  })
}

/** Groups of files that import each other in a circle, each in order. */
export function circlesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const circles: string[][] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string): void => {
    const at = path.indexOf(file)
    if (at >= 0) circles.push([...path.slice(at), file])
    if (at >= 0 || done.has(file)) return
    path.push(file)
    for (const target of graph.get(file) ?? []) visit(target)
    path.pop()
    done.add(file)
  }
  for (const file of graph.keys()) visit(file)
  return circles
}
