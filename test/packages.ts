/** Debian packages that tiers of `npm test` need beyond what every set-up installs, and how a machine is asked for them. */
import { spawnSync } from 'node:child_process'
import { COMMANDS } from './kube/cluster/configs.ts'

export interface Need {
  package: string
  /** Ends with 0 where the package, or something in its place, is there. */
  check: string
  tiers: string[]
}

const CLUSTER_NEEDS = Object.entries(COMMANDS).flatMap(([command, from]): Need[] => {
  const name = /^Debian: (.+)$/.exec(from)?.[1]
  return name === undefined ? [] : [{ package: name, check: `command -v ${command}`, tiers: ['api', 'kube'] }]
})

export const NEEDS: Need[] = [
  { package: 'python3-venv', check: "python3 -c 'import ensurepip, venv'", tiers: ['compat'] },
  ...CLUSTER_NEEDS,
]

export function missingPackages(tier: string): string[] {
  const missing = NEEDS.filter(
    ({ check, tiers }) => tiers.includes(tier) && spawnSync('sh', ['-c', check]).status !== 0,
  )
  return missing.map((need) => need.package)
}
