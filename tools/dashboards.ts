/** The dashboards of the chart. */
import { OPERATOR } from './dashboards/operator.ts'
import { OVERVIEW } from './dashboards/overview.ts'
import { grafanaJson } from './dashboards/panels.ts'
import { SHARDS } from './dashboards/shards.ts'

export const DASHBOARDS = { overview: OVERVIEW, shards: SHARDS, operator: OPERATOR }

export function dashboardFiles(): [path: string, content: string][] {
  return Object.entries(DASHBOARDS).map(([uid, board]) => [
    `helm/maksdb/files/dashboards/${uid}.json`,
    grafanaJson(uid, board),
  ])
}
