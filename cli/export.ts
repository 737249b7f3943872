/** Lines to standard output or into a file, which has all of them or is as it was. */
import { createWriteStream } from 'node:fs'
import { rename, rm, stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileProblem } from '../supervisor/file-problem.ts'

/** @param file undefined for standard output */
export async function writeExport(lines: AsyncIterable<string>, file: string | undefined): Promise<void> {
  const input = Readable.from(lines)
  // What is wrong with standard output ends the process (end.ts).
  if (file === undefined) return pipeline(input, process.stdout, { end: false })
  // A device or a pipe is written to as it is; there is nothing to keep.
  const current = await stat(file).catch(() => undefined)
  const replaced = current === undefined || current.isFile()
  const target = replaced ? `${file}.${process.pid}.tmp` : file
  const output = createWriteStream(target)
  let problem: Error | undefined
  output.once('error', (error) => {
    problem = fileProblem(file, 'written', error)
  })
  try {
    await pipeline(input, output)
    if (replaced) await rename(target, file)
  } catch (error) {
    if (replaced) await rm(target, { force: true })
    throw problem ?? error
  }
}
