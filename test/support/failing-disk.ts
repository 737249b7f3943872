/** A folder whose disk fails or is slow, for real programs: see failing-disk.c. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export class FailingDisk {
  readonly #folder: string
  readonly #control: string
  /** For the programs that are to have the trouble. */
  readonly env: Record<string, string>

  private constructor(folder: string, library: string) {
    this.#folder = folder
    this.#control = join(folder, 'control')
    this.env = { LD_PRELOAD: library, MAKSDB_TEST_DISK: this.#control }
  }

  /** Undefined where there is no compiler. */
  static make(): FailingDisk | undefined {
    const folder = mkdtempSync(join(tmpdir(), 'maksdb-disk-'))
    const library = join(folder, 'failing-disk.so')
    const source = fileURLToPath(new URL('failing-disk.c', import.meta.url))
    try {
      execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { stdio: 'pipe' })
      return new FailingDisk(folder, library)
    } catch (error) {
      rmSync(folder, { recursive: true })
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  /** Every write to a file below the folder, and every sync of one, fails with EIO. */
  fail(below: string): void {
    writeFileSync(this.#control, `eio ${below}`)
  }

  /** Every sync of a file below the folder takes longer. */
  slow(below: string, milliseconds: number): void {
    writeFileSync(this.#control, `slow ${milliseconds} ${below}`)
  }

  heal(): void {
    rmSync(this.#control, { force: true })
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
