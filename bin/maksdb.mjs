#!/usr/bin/env node
// Runs the command line on the pinned Node 24, whatever Node is on the PATH; needs no package itself.
import { spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const pinned = join(root, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')
if (Number(process.versions.node.split('.')[0]) < 24 && !existsSync(pinned)) {
  console.error('maksdb: Node 24 is not set up yet; run "npm start" or "npm test" once, which does it')
  process.exit(1)
}
const child = spawn(
  existsSync(pinned) ? pinned : process.execPath,
  [join(root, 'cli', 'main.ts'), ...process.argv.slice(2)],
  // The command looks whether this process lives, and ends with it: a kill -9 passes nothing on.
  {
    stdio: 'inherit',
    env: {
      ...compileCache(),
      ...process.env,
      MAKSDB_WRAPPER_PID: String(process.pid),
    },
  },
)

/** Compiled programs start in half the time; one who may not write here has them in the data directory. */
function compileCache() {
  try {
    accessSync(join(root, 'node_modules'), constants.W_OK)
    return { NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'maksdb') }
  } catch {
    return {}
  }
}

child.on('error', (error) => {
  console.error(`maksdb: Node cannot be started (${error.message}); run "npm start" once, which sets it up`)
  process.exit(1)
})
for (const signal of ['SIGTERM', 'SIGHUP', 'SIGINT']) {
  process.on(signal, () => {
    // A terminal sends Ctrl-C to both of us, and twice may mean more than once.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
  })
}
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1)
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
})
