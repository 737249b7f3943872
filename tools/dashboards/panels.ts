/** From a short description of a dashboard to what Grafana reads. */

export interface Panel {
  kind: 'stat' | 'timeseries' | 'state' | 'table'
  title: string
  /** What it shows, and what is good and bad. */
  description: string
  /** A unit of Grafana. */
  unit: string
  queries: [expr: string, legend: string][]
  /** Where it turns yellow and red; with `below`, what is smaller is worse. */
  warn?: number
  bad?: number
  below?: true
  max?: number
  decimals?: number
  /** Of a state: word and colour for each value. */
  words?: Record<string, [text: string, color: string]>
  /** What it shows while nothing of the kind has happened. */
  noValue?: string
  /** The alerts that watch this: linked. */
  alerts?: string[]
  width?: number
}

export interface Section {
  row: string
  panels: Panel[]
}

export interface Dashboard {
  title: string
  description: string
  variables: Variable[]
  sections: Section[]
}

export interface Variable {
  name: string
  label: string
  /** A query of Grafana: label_values(...). */
  query: string
}

const COLUMNS = 24
const WIDTH = { stat: 3, timeseries: 8, state: 12, table: 24 }
const HEIGHT = { stat: 4, timeseries: 8, state: 8, table: 5 }
/** Grafana's name of each kind. */
const TYPE = { stat: 'stat', timeseries: 'timeseries', state: 'state-timeline', table: 'table' }
const SOURCE = { type: 'prometheus', uid: '${datasource}' }

function thresholds({ warn, bad, below }: Panel): object {
  const step = (color: string, value: number | null | undefined) => (value === undefined ? [] : [{ color, value }])
  const steps = below
    ? [...step('red', null), ...step('yellow', bad), ...step('green', warn ?? bad)]
    : [...step('green', null), ...step('yellow', warn), ...step('red', bad)]
  return { mode: 'absolute', steps }
}

function drawn(panel: Panel): object {
  const { kind, unit, max, decimals, words, noValue, warn, bad } = panel
  const limit = warn !== undefined || bad !== undefined
  return {
    defaults: {
      unit,
      ...(kind === 'state' ? {} : { min: 0 }),
      ...(noValue === undefined ? {} : { noValue }),
      ...(max === undefined ? {} : { max }),
      ...(decimals === undefined ? {} : { decimals }),
      color: { mode: kind === 'stat' || kind === 'state' ? 'thresholds' : 'palette-classic' },
      thresholds: thresholds(panel),
      mappings: words
        ? [
            {
              type: 'value',
              options: Object.fromEntries(
                Object.entries(words).map(([value, [text, color]]) => [value, { text, color }]),
              ),
            },
          ]
        : [],
      ...(kind === 'timeseries'
        ? {
            custom: {
              lineWidth: 1,
              fillOpacity: 10,
              showPoints: 'never',
              spanNulls: false,
              thresholdsStyle: { mode: limit ? 'dashed' : 'off' },
            },
          }
        : {}),
    },
    overrides: [],
  }
}

function optionsOf({ kind, warn, bad }: Panel): object {
  if (kind === 'stat') {
    return {
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
      colorMode: warn === undefined && bad === undefined ? 'none' : 'background',
      graphMode: 'none',
      textMode: 'auto',
      justifyMode: 'center',
    }
  }
  if (kind === 'state') {
    return {
      mergeValues: true,
      showValue: 'never',
      rowHeight: 0.8,
      legend: { displayMode: 'list', placement: 'bottom', showLegend: true },
    }
  }
  if (kind === 'table') return { showHeader: true, cellHeight: 'sm' }
  return {
    legend: { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'max'], showLegend: true },
    tooltip: { mode: 'multi', sort: 'desc' },
  }
}

function grafanaPanel(panel: Panel, id: number, x: number, y: number): object {
  const { kind, title, description, queries, alerts = [], width = WIDTH[kind] } = panel
  const instant = kind === 'stat' || kind === 'table'
  return {
    id,
    type: TYPE[kind],
    title,
    description,
    datasource: SOURCE,
    gridPos: { x, y, w: width, h: HEIGHT[kind] },
    fieldConfig: drawn(panel),
    options: optionsOf(panel),
    // Grafana's own page of the rule, which has the link to its runbook.
    links: alerts.map((alert) => ({ title: `Alert ${alert}`, url: `/alerting/list?search=rule:${alert}` })),
    targets: queries.map(([expr, legendFormat], at) => ({
      refId: String.fromCodePoint(65 + at),
      datasource: SOURCE,
      expr,
      legendFormat,
      ...(instant ? { instant: true } : {}),
      ...(kind === 'table' ? { format: 'table' } : {}),
    })),
    ...(kind === 'table' ? { transformations: [TIDY] } : {}),
  }
}

/** What a table of alerts need not show. */
const TIDY = {
  id: 'organize',
  options: { excludeByName: { Time: true, Value: true, __name__: true, alertstate: true, instance: true, job: true } },
}

function laidOut(sections: readonly Section[]): object[] {
  const made: object[] = []
  let y = 0
  for (const { row, panels } of sections) {
    made.push({
      id: made.length + 1,
      type: 'row',
      title: row,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
    })
    y += 1
    let x = 0
    let height = 0
    for (const panel of panels) {
      const width = panel.width ?? WIDTH[panel.kind]
      if (x + width > COLUMNS) {
        x = 0
        y += height
        height = 0
      }
      made.push(grafanaPanel(panel, made.length + 1, x, y))
      x += width
      height = Math.max(height, HEIGHT[panel.kind])
    }
    y += height
  }
  return made
}

export function grafanaJson(uid: string, { title, description, variables, sections }: Dashboard): string {
  const made = {
    uid: `maksdb-${uid}`,
    title,
    description,
    tags: ['maksdb'],
    schemaVersion: 39,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    // From one to the others, with the same namespace, VectorCluster and time. The chart adds the runbook.
    links: [
      { type: 'dashboards', title: 'MaksDB', tags: ['maksdb'], asDropdown: false, includeVars: true, keepTime: true },
      { type: 'link', title: 'Alerts', url: '/alerting/list?search=rule:MaksDB', icon: 'bolt' },
    ],
    annotations: {
      list: [
        {
          name: 'Alerts',
          enable: true,
          iconColor: 'red',
          datasource: SOURCE,
          expr: 'ALERTS{alertname=~"MaksDB.+",alertstate="firing",severity="critical"}',
          titleFormat: '{{alertname}}',
          textFormat: '{{namespace}}/{{vectorcluster}} {{cell}}',
        },
      ],
    },
    templating: {
      list: [
        { name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' },
        ...variables.map(({ name, label, query }) => ({
          name,
          label,
          type: 'query',
          datasource: SOURCE,
          query: { query, refId: name },
          definition: query,
          refresh: 2,
          sort: 1,
          includeAll: true,
          // What has no such label, as on one machine, is shown too.
          allValue: '.*',
          multi: true,
          current: { text: ['All'], value: ['$__all'] },
        })),
      ],
    },
    panels: laidOut(sections),
  }
  return `${JSON.stringify(made, null, 2)}\n`
}
