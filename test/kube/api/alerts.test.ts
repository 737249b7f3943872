/**
 * Each alert of the chart, by promtool: it fires where it should, once, with the sentence and the link that it should
 * have, and is silent where all is well, whatever other software and another release of MaksDB export beside it.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse, parseAllDocuments, stringify } from 'yaml'
import { anchorOf } from '../../../tools/alert-files.ts'
import { ALERTS } from '../../../tools/alerts.ts'
import { binary } from '../../go/programs.ts'
import {
  CASES,
  cell,
  cluster,
  condition,
  FOREIGN,
  operator,
  ours,
  router,
  shard,
  since,
  WELL,
} from '../support/alert-cases.ts'

/** The rules as the chart makes them for a release that watches the namespace `n`. */
const RUNBOOK = 'https://runbooks.example/alerts.md'
const RULES = chartRules('watchNamespaces={n}', `monitoring.rules.runbookUrl=${RUNBOOK}`)

interface Rule {
  alert: string
  expr: string
  annotations: Record<string, string>
}

function chartRules(...values: string[]): { groups: { rules: Rule[] }[] } {
  const sets = ['monitoring.rules.enabled=true', ...values].flatMap((value) => ['--set', value])
  const where = ['-n', ours.namespace, '--kube-version', '1.36.0', '-s', 'templates/monitoring.yaml']
  const { stdout, stderr } = spawnSync(binary('helm'), ['template', 'maksdb', 'helm/maksdb', ...where, ...sets], {
    encoding: 'utf8',
  })
  const made = parseAllDocuments(stdout).map((one) => one.toJS() as { kind?: string; spec: typeof RULES } | null)
  const rules = made.find((one) => one?.kind === 'PrometheusRule')
  if (!rules) throw new Error(`the chart made no PrometheusRule: ${stderr}`)
  return rules.spec
}

interface Expected {
  at?: string
  name: string
  alerts: { labels: Record<string, string> }[]
}

/** Runs promtool over series (the last one of a name wins), and says what it said. */
function promtool(series: [string, string][], expected: Expected[], rules: object = RULES): string {
  const folder = mkdtempSync(join(tmpdir(), 'maksdb-alerts-'))
  writeFileSync(join(folder, 'alerts.yaml'), stringify(rules))
  const test = {
    interval: '1m',
    input_series: [...new Map(series)].map(([one, values]) => ({ series: one, values })),
    alert_rule_test: expected.map(({ at = '120m', name, alerts }) => ({
      eval_time: at,
      alertname: name,
      exp_alerts: alerts.map(({ labels }) => ({
        exp_labels: { ...labels, severity: ruleOf(name).severity },
        exp_annotations: annotationsOf(name, labels),
      })),
    })),
  }
  writeFileSync(
    join(folder, 'test.yaml'),
    stringify({ rule_files: ['alerts.yaml'], evaluation_interval: '1m', tests: [test] }),
  )
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', 'test.yaml'], {
    cwd: folder,
    encoding: 'utf8',
  })
  rmSync(folder, { recursive: true, force: true })
  return status === 0 ? '' : `${stdout}${stderr}`
}

function ruleOf(name: string) {
  const rule = ALERTS.find(({ alert }) => alert === name)
  if (!rule) throw new Error(`there is no alert ${name}`)
  return rule
}

function annotationsOf(name: string, labels: Record<string, string>): Record<string, string> {
  const { summary, what } = ruleOf(name)
  return {
    summary: summary.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_whole, label: string) => labels[label] ?? ''),
    description: what,
    runbook_url: `${RUNBOOK}#${anchorOf(name)}`,
  }
}

it('there is a case for each alert', () => {
  expect(Object.keys(CASES).sort()).toEqual(ALERTS.map(({ alert }) => alert).sort())
})

describe.each(Object.entries(CASES))('%s', (name, { bad, good, labels }) => {
  it('fires once, beside foreign series', () => {
    expect(promtool([...WELL, ...FOREIGN, ...bad], [{ name, alerts: [{ labels }] }])).toBe('')
  })

  it('is silent where all is well, beside foreign series', () => {
    expect(promtool([...WELL, ...FOREIGN, ...good], [{ name, alerts: [] }])).toBe('')
  })
})

describe('two VectorClusters', () => {
  it.each(Object.entries(CASES).filter(([, { labels }]) => 'vectorcluster' in labels))(
    'of one name in two namespaces: %s fires for each, and for the one that is well not',
    (name, { bad, good, labels }) => {
      const rules = chartRules('watchNamespaces={n,m}', `monitoring.rules.runbookUrl=${RUNBOOK}`)
      const inM = (series: [string, string][]) =>
        series.map(([one, values]): [string, string] => [one.replace('namespace="n"', 'namespace="m"'), values])
      const both = promtool(
        [...WELL, ...inM(WELL), ...bad, ...inM(bad)],
        [{ name, alerts: [{ labels }, { labels: { ...labels, namespace: 'm' } }] }],
        rules,
      )
      expect(both).toBe('')
      const one = promtool([...WELL, ...inM(WELL), ...bad, ...inM(good)], [{ name, alerts: [{ labels }] }], rules)
      expect(one).toBe('')
    },
  )
})

describe('who would tell is lost', () => {
  const gone = (values: string): string => `${values}x60 stale`

  it('with the node of the operator and the only pod of a shard, alerts of both fire', () => {
    const series: [string, string][] = [
      ...FOREIGN,
      [`maksdb_operator_leader{${operator}}`, gone('1')],
      [since, gone('1000')],
      [condition('Ready'), gone('1')],
      [`maksdb_primary{${shard}}`, gone('1')],
      [`maksdb_redis_up{${router}}`, '1x200'],
      [`maksdb_router_cell_leased{${router},cell="0"}`, '1x60 0x140'],
    ]
    expect(
      promtool(series, [
        { name: 'MaksDBOperatorDown', alerts: [{ labels: ours }] },
        { name: 'MaksDBNoPrimary', alerts: [{ labels: cell }] },
      ]),
    ).toBe('')
  })

  it('what the last leader said of Ready stays while nobody leads, and goes with the next leader', () => {
    const before = operator.replace('operator-a', 'operator-b')
    const series: [string, string][] = [
      ...FOREIGN,
      // An earlier leader saw it ready, as it was then.
      [condition('Ready', 'n', before), '1x20 stale'],
      [since.replace('operator-a', 'operator-b'), '500x20 stale'],
      [`maksdb_operator_leader{${operator}}`, '_x21 1x39 stale _x100 1x40'],
      [since, '_x21 1000x39 stale _x100 3000x40'],
      [condition('Ready'), '_x21 0x39 stale _x100 1x40'],
    ]
    const name = 'MaksDBNotReady'
    expect(
      promtool(series, [
        { at: '18m', name, alerts: [] },
        { at: '50m', name, alerts: [{ labels: cluster }] },
        { at: '120m', name, alerts: [{ labels: cluster }] },
        { at: '170m', name, alerts: [] },
      ]),
    ).toBe('')
  })

  it('a VectorCluster that was ready when the operator went is not said to be otherwise', () => {
    const series: [string, string][] = [
      [`maksdb_operator_leader{${operator}}`, gone('1')],
      [since, gone('1000')],
      [condition('Ready'), gone('1')],
    ]
    expect(promtool(series, [{ name: 'MaksDBNotReady', alerts: [] }])).toBe('')
  })

  it('a shard without pods and routers whose lease is told by two routers fires once', () => {
    const at = (name: string) => router.replace('router-a', name)
    const series: [string, string][] = [
      ...WELL,
      [`maksdb_primary{${shard}}`, '0x200'],
      [`maksdb_router_cell_leased{${at('router-a')},cell="0"}`, '0x200'],
      [`maksdb_router_cell_leased{${at('router-b')},cell="0"}`, '0x200'],
    ]
    expect(promtool(series, [{ name: 'MaksDBNoPrimary', alerts: [{ labels: cell }] }])).toBe('')
  })
})

describe('the rules of the chart', () => {
  it('have a link to a section that exists, each its own', () => {
    const page = readFileSync('docs/reference/alerts.md', 'utf8')
    const anchors = [...page.matchAll(/^## (.+)$/gm)].map((match) => `${match[1]}`.toLowerCase().replaceAll(' ', '-'))
    const links = RULES.groups.flatMap(({ rules }) => rules.map(({ annotations }) => annotations.runbook_url))
    expect(links).toEqual(ALERTS.map(({ alert }) => `${RUNBOOK}#${anchorOf(alert)}`))
    expect(anchors).toEqual(links.map((link) => link?.split('#')[1]))
    for (const section of page.split(/^## /m).slice(1)) expect(section).toMatch(/\n1\. .{20,}/)
  })

  it('have no link where no address is given', () => {
    const [group] = chartRules().groups
    for (const { annotations } of group?.rules ?? [])
      expect(Object.keys(annotations)).toEqual(['description', 'summary'])
  })

  it('select their release, and the namespaces that it watches', () => {
    const [group] = RULES.groups
    for (const { expr } of group?.rules ?? []) {
      expect(expr).not.toContain('=~".*"')
      for (const [, selector] of expr.matchAll(/\w+\{([^}]*)\}/g))
        expect(selector).toMatch(/^namespace=~"n"|^namespace="maksdb-system",operator="maksdb-operator"/)
    }
  })

  it('are those of the file for a plain Prometheus, which promtool accepts', () => {
    const file = parse(readFileSync('helm/maksdb/files/alerts.yaml', 'utf8')) as typeof RULES
    const names = (rules: typeof RULES) => rules.groups.flatMap((group) => group.rules.map(({ alert }) => alert))
    expect(names(file)).toEqual(names(RULES))
    const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', 'helm/maksdb/files/alerts.yaml'], {
      encoding: 'utf8',
    })
    expect(status, `${stdout}${stderr}`).toBe(0)
  })
})
