/** Commands that must end with one sentence on standard error, and nothing on standard output. */
import { expect } from 'vitest'
import { type Run, runCli } from './cluster.ts'

const AT_ONCE = 3

export interface Case {
  args: string[]
  says?: string | RegExp
  env?: Record<string, string>
  input?: string
}

export async function expectAll(code: number, cases: readonly Case[]): Promise<void> {
  const wrong: unknown[] = []
  for (let i = 0; i < cases.length; i += AT_ONCE) {
    const batch = cases.slice(i, i + AT_ONCE)
    const runs = await Promise.all(
      batch.map(({ args, env, input }) => runCli(args, { ...(env && { env }), ...(input && { input }) })),
    )
    for (const [j, { args, says = '' }] of batch.entries()) {
      const run = runs[j] as Run
      const fits = typeof says === 'string' ? run.stderr.includes(says) : says.test(run.stderr)
      if (run.code !== code || run.stdout !== '' || !isOneSentence(run.stderr) || !fits)
        wrong.push({ args, says, ...run })
    }
  }
  expect(wrong).toEqual([])
}

export const isOneSentence = (stderr: string) =>
  /^maksdb: [^\n]{10,}\n$/.test(stderr) && !/^\s+at |fault of MaksDB|Correct the named field/m.test(stderr)
