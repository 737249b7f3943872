import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { holdVolume } from './volume-lock.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-lock-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const program = `
import { holdVolume } from ${JSON.stringify(fileURLToPath(new URL('./volume-lock.ts', import.meta.url)))}
await holdVolume(${JSON.stringify(folder)})
console.log('held')
setInterval(() => undefined, 1000)
`

describe('a volume', () => {
  it('is one process at a time: another is refused until the first has been killed', async () => {
    const first = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(first.stdout, 'data')
    await expect(holdVolume(folder)).rejects.toThrow(`another process has the volume ${folder}`)
    first.kill('SIGKILL')
    await once(first, 'exit')
    await holdVolume(folder)
  })
})
