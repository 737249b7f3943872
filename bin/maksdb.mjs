#!/usr/bin/env node
// Runs the command line on the pinned Node 24, whatever Node is on the PATH; needs no package itself.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const pinned = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')
if (Number(process.versions.node.split('.')[0]) < 24 && !existsSync(pinned)) {
  console.error('maksdb: Node 24 is not set up yet; run "npm start" or "npm test" once, which does it')
  process.exit(1)
}
const node = existsSync(pinned) ? pinned : process.execPath
const { status, signal } = spawnSync(node, [join(root, 'cli', 'main.ts'), ...process.argv.slice(2)], {
  stdio: 'inherit',
})
process.exit(status ?? (signal ? 130 : 1))
