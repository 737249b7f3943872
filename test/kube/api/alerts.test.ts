/** Each alert of the chart, by promtool: it fires where it should, with the sentence that it should say, and is silent where all is well. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { stringify } from 'yaml'
import { ALERTS, alertsFile, RUNBOOK } from '../../../tools/alerts.ts'

interface Case {
  /** Series that fire it, and the same where all is well. */
  bad: [string, string][]
  good: [string, string][]
  labels: Record<string, string>
}

const shard = 'namespace="n",collection="films",cell="0",pod="films-shard-0-0"'
const cell = { namespace: 'n', collection: 'films', cell: '0' }
const pod = { ...cell, pod: 'films-shard-0-0' }
const condition = (type: string) => `maksdb_operator_cluster_condition{namespace="n",cluster="films",type="${type}"}`
const cluster = { namespace: 'n', cluster: 'films' }

const CASES: Record<string, Case> = {
  MaksDBNoPrimary: {
    bad: [[`maksdb_primary{${shard}}`, '0x200']],
    good: [[`maksdb_primary{${shard}}`, '1x200']],
    labels: cell,
  },
  MaksDBNotReady: { bad: [[condition('Ready'), '-1x200']], good: [[condition('Ready'), '1x200']], labels: cluster },
  MaksDBDegraded: {
    bad: [[condition('Degraded'), '1x200']],
    good: [[condition('Degraded'), '0x200']],
    labels: cluster,
  },
  MaksDBReplayLag: {
    bad: [[`maksdb_replay_lag_entries{${shard}}`, '20000x200']],
    good: [[`maksdb_replay_lag_entries{${shard}}`, '9000x200']],
    labels: pod,
  },
  MaksDBFencedAppends: {
    bad: [[`maksdb_fenced_appends_total{${shard}}`, '0+1x200']],
    good: [[`maksdb_fenced_appends_total{${shard}}`, '5x200']],
    labels: cell,
  },
  MaksDBLeaseFlaps: {
    bad: [[`maksdb_lease_losses_total{${shard}}`, '0+1x200']],
    good: [[`maksdb_lease_losses_total{${shard}}`, '5x200']],
    labels: cell,
  },
  MaksDBCopiesDiffer: {
    bad: [[`maksdb_copies_differing{${shard}}`, '1x200']],
    good: [[`maksdb_copies_differing{${shard}}`, '0x200']],
    labels: pod,
  },
  MaksDBDirectoryCorrected: {
    bad: [[`maksdb_directory_corrected_total{${shard}}`, '0x100 3x100']],
    good: [[`maksdb_directory_corrected_total{${shard}}`, '3x200']],
    labels: cell,
  },
  MaksDBDirectoryMissing: {
    bad: [[`maksdb_directory_missing{${shard}}`, '1x200']],
    good: [[`maksdb_directory_missing{${shard}}`, '0x200']],
    labels: cell,
  },
  MaksDBSnapshotOld: {
    bad: [
      [`maksdb_snapshot_age_seconds{${shard}}`, '4000x200'],
      [`maksdb_applied_seq{${shard}}`, '0+1x200'],
    ],
    good: [
      [`maksdb_snapshot_age_seconds{${shard}}`, '4000x200'],
      [`maksdb_applied_seq{${shard}}`, '7x200'],
    ],
    labels: pod,
  },
  MaksDBWalBudget: {
    bad: [
      [`maksdb_wal_bytes{${shard}}`, '90x200'],
      [`maksdb_wal_budget_bytes{${shard}}`, '100x200'],
    ],
    good: [
      [`maksdb_wal_bytes{${shard}}`, '70x200'],
      [`maksdb_wal_budget_bytes{${shard}}`, '100x200'],
    ],
    labels: cell,
  },
  MaksDBRedisNotDurable: {
    bad: [['maksdb_redis_durable{namespace="n",collection="films"}', '0x200']],
    good: [['maksdb_redis_durable{namespace="n",collection="films"}', '1x200']],
    labels: { namespace: 'n', collection: 'films' },
  },
  MaksDBLogRegressed: {
    bad: [['maksdb_wal_regressed{namespace="n",collection="films"}', '1x200']],
    good: [['maksdb_wal_regressed{namespace="n",collection="films"}', '0x200']],
    labels: { namespace: 'n', collection: 'films' },
  },
  MaksDBRouterErrors: {
    bad: [
      ['maksdb_http_request_seconds_count{namespace="n",route="r",status="200"}', '0+50x200'],
      ['maksdb_http_request_seconds_count{namespace="n",route="r",status="503"}', '0+1x200'],
    ],
    good: [
      ['maksdb_http_request_seconds_count{namespace="n",route="r",status="200"}', '0+50x200'],
      ['maksdb_http_request_seconds_count{namespace="n",route="r",status="404"}', '0+9x200'],
    ],
    labels: { namespace: 'n' },
  },
  MaksDBOperatorDown: {
    bad: [['leader_election_master_status{namespace="n",name="x"}', '0x200']],
    good: [['leader_election_master_status{namespace="n",name="x"}', '1x200']],
    labels: {},
  },
  MaksDBOperatorErrors: {
    bad: [['controller_runtime_reconcile_total{namespace="n",result="error"}', '0+2x200']],
    good: [['controller_runtime_reconcile_total{namespace="n",result="success"}', '0+9x200']],
    labels: { namespace: 'n' },
  },
  MaksDBOperatorMissedEvents: {
    bad: [['maksdb_operator_cache_misses_total{namespace="n",kind="Pod"}', '0x100 1x100']],
    good: [['maksdb_operator_cache_misses_total{namespace="n",kind="Pod"}', '0x200']],
    labels: { namespace: 'n' },
  },
}

/** A leader, so that the absence of one is not the news. */
const LEADER: [string, string] = ['leader_election_master_status{name="leader"}', '1x200']
const AT = '120m'

function testsOf(name: string, { bad, good, labels }: Case): object[] {
  const rule = ALERTS.find(({ alert }) => alert === name)
  if (!rule) throw new Error(`there is no alert ${name}`)
  const summary = rule.summary.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, (_whole, label: string) => labels[label] ?? '')
  const expected = {
    exp_labels: { ...labels, severity: rule.severity },
    exp_annotations: { summary, description: rule.what, runbook: `${RUNBOOK}#${name.toLowerCase()}` },
  }
  const series = (given: [string, string][]) =>
    [...given, ...(name === 'MaksDBOperatorDown' ? [] : [LEADER])].map(([one, values]) => ({ series: one, values }))
  const test = (given: [string, string][], exp: object[]) => ({
    interval: '1m',
    input_series: series(given),
    alert_rule_test: [{ eval_time: AT, alertname: name, exp_alerts: exp }],
  })
  return [test(bad, [expected]), test(good, [])]
}

it('there is a case for each alert', () => {
  expect(Object.keys(CASES).sort()).toEqual(ALERTS.map(({ alert }) => alert).sort())
})

it.each(Object.entries(CASES))('%s', (name, given) => {
  const folder = mkdtempSync(join(tmpdir(), 'maksdb-alerts-'))
  writeFileSync(join(folder, 'alerts.yaml'), alertsFile())
  writeFileSync(
    join(folder, 'test.yaml'),
    stringify({ rule_files: ['alerts.yaml'], evaluation_interval: '1m', tests: testsOf(name, given) }),
  )
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', 'test.yaml'], {
    cwd: folder,
    encoding: 'utf8',
  })
  rmSync(folder, { recursive: true, force: true })
  expect(status, `${stdout}${stderr}`).toBe(0)
})
