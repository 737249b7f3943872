/** The client as a user gets it: packed, and installed from its tarball in an empty project that has nothing else. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Outcome, run } from './run.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
export class EmptyProject {
  readonly folder = mkdtempSync(join(tmpdir(), 'maksdb-project-'))

  /** Packs the client by the command that publishes it, and installs the tarball without a registry. */
  static withClient(): EmptyProject {
    const project = new EmptyProject()
    const { folder } = project
    must(run('npm', ['pack', '--workspace', 'client', '--pack-destination', folder], root))
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))
    if (tarball === undefined) throw new Error('npm pack has written no tarball')
    project.write('package.json', JSON.stringify({ name: 'project', version: '1.0.0', type: 'module', private: true }))
    must(run('npm', ['install', '--offline', '--no-audit', '--no-fund', `./${tarball}`], folder))
    return project
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), text)
  }

  /** Type-checks files of the project: strict, as Node resolves modules, declarations of packages included. */
  typeCheck(...files: string[]): Outcome {
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck', 'false']
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    return run(process.execPath, [tsc, ...options, '--types', '', ...files], this.folder)
  }

  /** Runs a file of the project on Node, which finds a server by MAKSDB_URL. */
  node(file: string, url: string): Outcome {
    return run(process.execPath, [file], this.folder, { MAKSDB_URL: url })
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function must({ status, output }: Outcome): void {
  if (status !== 0) throw new Error(output)
}
