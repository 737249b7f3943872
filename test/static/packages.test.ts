/** What the set-up installs is what CONTRIBUTING.md names. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { NEEDS } from '../packages.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8')

/** Names between backticks in the second column of the row. */
function named(row: string): string[] {
  const line = read('CONTRIBUTING.md')
    .split('\n')
    .find((one) => one.startsWith(`| ${row} |`))
  return [...(line?.split('|')[2] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name).sort()
}

it('CONTRIBUTING.md names every package that a tier needs, and no other', () => {
  const of = (tier: string) => NEEDS.filter(({ tiers }) => tiers.includes(tier)).map((need) => need.package)
  expect(named('`compat`')).toEqual(of('compat').sort())
  expect(named('`api`, `kube`')).toEqual(of('kube').sort())
  expect(of('api')).toEqual(of('kube'))
})

it('CONTRIBUTING.md names every package that the set-up itself installs', () => {
  const compiler = /PACKAGES = \[([^\]]*)\]/.exec(read('native/build-addon.mjs'))?.[1] ?? ''
  const redis = /aptInstall\(\[([^\]]*)\]\)/.exec(read('setup/steps.mjs'))?.[1] ?? ''
  expect(named('everything')).toEqual(
    [...`${compiler},${redis}`.matchAll(/'([^']+)'/g)].map(([, name = '']) => name).sort(),
  )
})
