/** `@maksdb/client` as it is published: built, packed, installed in an empty project, typed. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TestCluster } from '../support/cluster.ts'
import { EmptyProject } from '../support/packed-client.ts'
import { run } from '../support/run.ts'

const client = fileURLToPath(new URL('../../client/', import.meta.url))
let cluster: TestCluster
let project: EmptyProject
beforeAll(async () => {
  project = EmptyProject.withClient()
  cluster = await TestCluster.start({ spec: { dimension: 2 } })
})
afterAll(async () => {
  project?.remove()
  await cluster?.close()
})

/** The program of a README: its first block of TypeScript. */
function firstProgram(readme: string): string {
  const program = /```ts\n([\s\S]*?)```/.exec(readFileSync(readme, 'utf8'))?.[1]
  if (program === undefined) throw new Error(`${readme} shows no program`)
  return program
}

const examples = fileURLToPath(new URL('../../examples/', import.meta.url))
/** What each program under examples/ prints. */
const EXAMPLES: Record<string, RegExp> = {
  'first-program.ts':
    /^Solaris \(1\): 0\.97\d\d\nStalker \(6f96[\w-]+\): 0\.96\d\d\nexact: true, 3 rows compared\nrefused: CONFLICT$/,
  'ingest-and-search.ts':
    /^loaded 2000 points in 8 requests; count: 2000\nexact: 2 cells, all in cloud 1: true\nprobes 1: [12] of 2 cells, one of the nearest found: true$/,
  'curl.sh': /"result":\{"points":\[\{"id":2,"version":\d+,"score":1,"payload":\{"name":"near"\}/,
}

describe('@maksdb/client, installed from its tarball', () => {
  it('is JavaScript with declarations for every module, without sources and tests', () => {
    const installed = join(project.folder, 'node_modules/@maksdb/client')
    expect(readdirSync(installed).sort()).toEqual(['LICENSE', 'README.md', 'dist', 'package.json'])
    const modules = readdirSync(join(client, 'src')).filter((name) => !name.endsWith('.test.ts'))
    const wanted = modules.flatMap((name) => [name.replace(/\.ts$/, '.d.ts'), name.replace(/\.ts$/, '.js')])
    expect(readdirSync(join(installed, 'dist')).sort()).toEqual(wanted.sort())
    for (const name of wanted)
      expect(readFileSync(join(installed, 'dist', name), 'utf8')).not.toMatch(/from '\.\/[^']*\.ts'/)
    expect(existsSync(join(project.folder, 'node_modules/typescript'))).toBe(false)
  })

  it('runs a program of plain JavaScript, with the classes of its errors', () => {
    project.write(
      'program.js',
      `import { MaksDB, RequestError } from '@maksdb/client'
      const db = new MaksDB()
      const plain = await db.createCollection('plain', { dimension: 2 })
      await plain.upsert([{ id: 2n ** 60n, vector: Float32Array.of(3, 4), payload: { name: 'far' } }])
      const { points } = await plain.query([0, 0], { limit: 1 })
      const refused = await plain.upsert([{ id: 1, vector: [1] }]).catch((error) => error)
      console.log(points[0].id, points[0].score, points[0].payload.name, refused instanceof RequestError)`,
    )
    expect(project.node('program.js', cluster.url)).toMatchObject({
      status: 0,
      output: '1152921504606846976n 5 far true',
    })
  })

  it('its README begins with a program that has the right types and runs', () => {
    project.write('readme.ts', firstProgram(join(client, 'README.md')))
    expect(project.typeCheck('readme.ts')).toMatchObject({ status: 0, output: '' })
    const { status, output } = project.node('readme.ts', cluster.url)
    expect(output).toMatch(/^Solaris 0\.97\d*\n1 of 1 cells probed, 2 rows compared, exact: true$/)
    expect(status).toBe(0)
  })

  it('its types find what is wrong: an unknown option, a payload of another shape, an id that is no id', () => {
    const head = `import { MaksDB } from '@maksdb/client'
const films = new MaksDB().collection<{ title: string }>('films')
`
    project.write('right.ts', `${head}export const title: string = (await films.get([1, 'a', 2n]))[0]!.payload.title\n`)
    expect(project.typeCheck('right.ts')).toMatchObject({ status: 0, output: '' })
    project.write(
      'wrong.ts',
      `${head}await films.query([1, 2], { limits: 3 })
await films.upsert([{ id: 1, vector: [1, 2], payload: { title: 3 } }])
await films.get([true])
`,
    )
    const { status, output } = project.typeCheck('wrong.ts')
    expect(status).not.toBe(0)
    const errors = output.split('\n').filter((line) => line.startsWith('wrong.ts'))
    expect(errors.map((line) => /^wrong\.ts\((\d+),\d+\): error TS\d+/.exec(line)?.[1])).toEqual(['3', '4', '5'])
  })
})

describe('examples', () => {
  it('are all run by a test', () => {
    const programs = readdirSync(examples).filter((name) => /\.(ts|sh|py)$/.test(name))
    const python = readFileSync(new URL('python.test.ts', import.meta.url), 'utf8')
    expect(programs.filter((name) => EXAMPLES[name] === undefined && !python.includes(name))).toEqual([])
  })

  it.each(Object.entries(EXAMPLES))('%s does what it shows, leaves nothing, and runs again', async (name, wanted) => {
    const runsAs = name.endsWith('.sh') ? 'bash' : process.execPath
    project.write(name, readFileSync(join(examples, name), 'utf8'))
    if (name.endsWith('.ts')) expect(project.typeCheck(name)).toMatchObject({ status: 0, output: '' })
    const before = await cluster.client.collections()
    for (let time = 0; time < 2; time++) {
      const { status, stdout, output } = run(runsAs, [name], project.folder, { MAKSDB_URL: cluster.url })
      expect(status, output).toBe(0)
      expect(stdout.trim()).toMatch(wanted)
      expect(await cluster.client.collections()).toEqual(before)
    }
  })
})
