import { execFileSync } from 'node:child_process'
import { Argument, Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { clusterCommands } from './commands/cluster-commands.ts'
import { dataCommands } from './commands/data-commands.ts'
import { completionScript, SHELLS } from './completion.ts'

const program = new Command('maksdb')
clusterCommands(program)
dataCommands(program)

/** What bash offers for the last of the words. */
function offered(...words: string[]): string[] {
  const ask = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _maksdb; printf '%s\\n' "\${COMPREPLY[@]}"`
  const script = `${completionScript('bash', program)}${ask}`
  const answer = execFileSync('bash', ['-c', script, 'bash', 'maksdb', ...words], { encoding: 'utf8' })
  return answer.split('\n').filter((line) => line !== '')
}

describe('completion', () => {
  it.each([
    [['st'], ['start', 'stop', 'status']],
    [['sea'], ['search']],
    [['count', '--f'], ['--filter']],
    [
      ['stop', '--'],
      ['--data-dir', '--purge', '--json', '--help'],
    ],
    [['completion', ''], expect.arrayContaining([...SHELLS])],
    // The value of an option is a word of the user's own.
    [['search', '--vector', ''], []],
    [['search', '-c', '-'], []],
    [['unheard', ''], []],
  ])('of %j by bash is %j', (words, expected) => {
    expect(offered(...words)).toEqual(expected)
  })

  it.each(SHELLS)('for %s knows every command and option that the help shows, and none that is not built', (shell) => {
    const script = completionScript(shell, program)
    for (const command of ['start', 'import', 'search', 'completion']) expect(script).toContain(command)
    for (const option of ['data-dir', 'filter', 'purge', 'skip']) expect(script).toContain(option)
    expect(script).not.toContain('recluster')
  })

  it('has descriptions with quotes and brackets as text', () => {
    const odd = new Command('maksdb')
    odd
      .command('open')
      .description("the user's [own]: $HOME")
      .addArgument(new Argument('<what>').choices(['a', 'b']))
    const [, zsh = '', fish = ''] = SHELLS.map((shell) => completionScript(shell, odd))
    expect(zsh).toContain(String.raw`'open:the user'\''s \[own\]\: $HOME'`)
    expect(fish).toContain(String.raw`-a open -d 'the user'\''s [own]: $HOME'`)
  })
})
