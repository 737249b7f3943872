/** What is made of the alerts: the rule file of the chart, and the page with a section for each. */
import { stringify } from 'yaml'
import { ALERTS } from './alerts.ts'

/** The chart adds `runbook_url`, since only its user knows where the page is read. */
export function alertsFile(): string {
  const rules = ALERTS.map(({ alert, expr, for: wait, severity, summary, what }) => ({
    alert,
    expr,
    for: wait,
    labels: { severity },
    annotations: { summary, description: what },
  }))
  return stringify({ groups: [{ name: 'maksdb', rules }] }, { lineWidth: 0 })
}

export function alertsChartFile(): [path: string, content: string] {
  return [
    'helm/maksdb/files/alerts.yaml',
    `# Made by \`npm run generate\` from tools/alerts.ts; do not edit.\n${alertsFile()}`,
  ]
}

/** `alerts.md#<anchor>` is what `runbook_url` points to. */
export const anchorOf = (alert: string): string => alert.toLowerCase()

const INTRODUCTION = `# Alerts

The chart installs them with \`monitoring.rules.enabled\`; how to do without the Prometheus operator, and how to make
\`runbook_url\` point to this page, stands in [monitoring.md](../kubernetes/monitoring.md#alerts). Each section below is the
runbook of one alert.
`

export function alertsPage(): string {
  const plain = (text: string) => text.replaceAll(/{{ \$labels\.(\w+) }}/g, '<$1>')
  const rows = ALERTS.map(
    ({ alert, severity, for: wait, summary }) =>
      `| [${alert}](#${anchorOf(alert)}) | ${severity} | ${wait} | ${plain(summary)} |`,
  )
  const sections = ALERTS.map(({ alert, expr, for: wait, severity, summary, what, steps }) =>
    [
      `## ${alert}`,
      `${plain(summary)} ${what}`,
      steps.map((step, i) => `${i + 1}. ${step}`).join('\n'),
      `Severity ${severity}, after ${wait}:`,
      `\`\`\`promql\n${expr}\n\`\`\``,
    ].join('\n\n'),
  )
  const table = ['| alert | severity | after | what it says |', '| --- | --- | --- | --- |', ...rows].join('\n')
  return `${INTRODUCTION}\n${table}\n\n${sections.join('\n\n')}\n`
}
