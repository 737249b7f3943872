/** Each dashboard of the chart: its expressions are PromQL, speak only of what MaksDB serves, and never add up two VectorClusters. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { METRICS, PROCESS_METRICS } from '../../../protocol/metrics/metrics.ts'
import { ALERTS } from '../../../tools/alerts.ts'
import { DASHBOARDS } from '../../../tools/dashboards.ts'

const boards = Object.entries(DASHBOARDS).map(([name, board]) => ({
  name,
  board,
  panels: board.sections.flatMap(({ panels }) => panels),
}))
const samples = new Set<string>([
  ...PROCESS_METRICS,
  ...Object.entries(METRICS).flatMap(([name, { kind }]) =>
    kind === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  ),
])
const plain = (expr: string) => expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$\w+/g, '.*')

describe.each(boards)('$name', ({ name, board, panels }) => {
  it('has expressions that promtool accepts', () => {
    const folder = mkdtempSync(join(tmpdir(), 'maksdb-dashboards-'))
    const rules = panels.flatMap(({ queries }) =>
      queries.map(([expr], i) => ({ record: `a:b${i}`, expr: plain(expr) })),
    )
    const different = rules.map((rule, i) => ({ ...rule, record: `panel:${name}:${i}` }))
    writeFileSync(join(folder, 'rules.yaml'), stringify({ groups: [{ name, rules: different }] }))
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', 'rules.yaml'], {
      cwd: folder,
      encoding: 'utf8',
    })
    rmSync(folder, { recursive: true, force: true })
    expect(status, `${stdout}${stderr}`).toBe(0)
  })

  it('selects only series that MaksDB serves, by a label of its own, and of what is chosen', () => {
    for (const { title, queries } of panels) {
      for (const [expr] of queries) {
        const selectors = [...expr.matchAll(/(\w+)\{([^}]*)\}/g)]
        expect(selectors.length, title).toBeGreaterThan(0)
        for (const [, metric = '', matchers = ''] of selectors) {
          if (metric === 'ALERTS') {
            expect(matchers, title).toContain('alertname=~"MaksDB')
            continue
          }
          expect(samples, title).toContain(metric)
          expect(matchers, title).toMatch(/vectorcluster=~"\$vectorcluster"|operator=~"\$operator"/)
          expect(matchers, title).toMatch(/namespace=~"\$(release_)?namespace"/)
          if (!metric.startsWith('maksdb_')) expect(matchers, title).toMatch(/maksdb_program=~?"/)
        }
      }
    }
  })

  it('keeps VectorClusters and equal names of two namespaces apart in every chart', () => {
    for (const { kind, title, queries } of panels) {
      if (kind !== 'timeseries' && kind !== 'state') continue
      for (const [expr, legend] of queries) {
        for (const [, labels = ''] of expr.matchAll(/\b(?:sum|max|min) by \(([^)]*)\)/g))
          expect(labels, `${title}: ${expr}`).toMatch(
            /namespace, (vectorcluster|pod|operator)|vectorcluster_namespace, vectorcluster/,
          )
        expect(legend, title).toMatch(/\{\{(vectorcluster_)?namespace\}\}\/\{\{(vectorcluster|pod|operator)\}\}/)
      }
    }
  })

  it('says of every panel what it shows and in which unit, opens with figures, and names alerts that exist', () => {
    const known = new Set(ALERTS.map(({ alert }) => alert))
    expect(new Set(panels.map(({ title, kind }) => `${kind} ${title}`)).size).toBe(panels.length)
    expect(board.sections[0]?.panels.filter(({ kind }) => kind === 'stat').length).toBeGreaterThan(6)
    for (const { title, description, unit, alerts = [] } of panels) {
      expect(description.length, title).toBeGreaterThan(20)
      expect(unit, title).not.toBe('')
      for (const alert of alerts) expect(known, title).toContain(alert)
    }
  })
})

it('every alert is linked from the panels that show its figure', () => {
  const linked = new Set(boards.flatMap(({ panels }) => panels.flatMap(({ alerts = [] }) => alerts)))
  expect(ALERTS.map(({ alert }) => alert).filter((alert) => !linked.has(alert))).toEqual([])
  expect(boards.some(({ panels }) => panels.some(({ kind }) => kind === 'table'))).toBe(true)
})
