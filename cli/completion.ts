/**
 * Scripts that complete the words of a command line in bash, zsh and fish. They are made of the commands and options that the
 * program has, so that none is missing, and need neither a server nor this program while the user types. Words that are not known
 * beforehand are completed as names of files.
 */
import type { Command, Option } from 'commander'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

interface Completed {
  name: string
  summary: string
  options: readonly Option[]
  /** Values of its arguments, where these are few. */
  values: readonly string[]
}

/** The script for a shell, which ends with a line break. */
export function completionScript(shell: Shell, program: Command): string {
  const name = program.name()
  const help = program.createHelp()
  const commands = help
    .visibleCommands(program)
    .filter((command) => command.name() !== 'help')
    .map(
      (command): Completed => ({
        name: command.name(),
        summary: command.description(),
        options: help.visibleOptions(command),
        values: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []),
      }),
    )
  const lines = { bash: bashLines, zsh: zshLines, fish: fishLines }[shell](name, commands)
  return `${lines.join('\n')}\n`
}

function flagsOf({ short, long }: Option): string[] {
  return [long, short].filter((flag): flag is string => flag !== undefined && flag !== null)
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional
}

/** In single quotes, as all three shells read it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

function bashLines(name: string, commands: readonly Completed[]): string[] {
  const words = (list: readonly string[]) => `COMPREPLY=($(compgen -W ${quoted(list.join(' '))} -- "$word"))`
  return [
    `# Completion for bash: source <(${name} completion bash)`,
    `_${name}() {`,
    '  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}',
    '  COMPREPLY=()',
    '  if ((COMP_CWORD == 1)); then',
    `    ${words(commands.map((command) => command.name))}`,
    '    return',
    '  fi',
    '  case "${COMP_WORDS[1]} $before" in',
    // The value of an option: no option comes next.
    ...commands.flatMap((command) => {
      const valued = command.options.filter(takesValue).flatMap(flagsOf)
      return valued.length === 0
        ? []
        : [`    ${valued.map((flag) => `"${command.name} ${flag}"`).join(' | ')}) return ;;`]
    }),
    '  esac',
    '  case "${COMP_WORDS[1]}" in',
    ...commands.map(
      (command) => `    ${command.name}) ${words([...command.values, ...command.options.flatMap(flagsOf)])} ;;`,
    ),
    '  esac',
    '}',
    `complete -o default -F _${name} ${name}`,
  ]
}

function zshLines(name: string, commands: readonly Completed[]): string[] {
  const described = (text: string) => text.replaceAll(/[[\]\\:]/g, '\\$&')
  const option = (one: Option) =>
    flagsOf(one).map((flag) =>
      quoted(`${flag}[${described(one.description)}]${takesValue(one) ? ':value:_files' : ''}`),
    )
  const argument = ({ values }: Completed) =>
    quoted(values.length > 0 ? `*:value:(${values.join(' ')})` : '*:file:_files')
  return [
    `#compdef ${name}`,
    `# Completion for zsh: source <(${name} completion zsh)`,
    `_${name}() {`,
    '  local -a commands',
    `  commands=(${commands.map((command) => quoted(`${command.name}:${described(command.summary)}`)).join(' ')})`,
    '  if ((CURRENT == 2)); then',
    '    _describe command commands',
    '    return',
    '  fi',
    '  local called=$words[2]',
    '  words=("${(@)words[2,-1]}")',
    '  ((CURRENT--))',
    '  case $called in',
    ...commands.map((command) =>
      [`    ${command.name}) _arguments`, ...command.options.flatMap(option), argument(command), ';;'].join(' '),
    ),
    '  esac',
    '}',
    `compdef _${name} ${name}`,
  ]
}

function fishLines(name: string, commands: readonly Completed[]): string[] {
  const option = (command: Completed, one: Option) => {
    const long = one.long ? ` -l ${one.long.replace(/^--/, '')}` : ''
    const short = one.short ? ` -s ${one.short.replace(/^-/, '')}` : ''
    const value = takesValue(one) ? ' -r -F' : ''
    return `complete -c ${name} -n '__fish_seen_subcommand_from ${command.name}'${long}${short}${value} -d ${quoted(one.description)}`
  }
  return [
    `# Completion for fish: ${name} completion fish | source`,
    `complete -c ${name} -n __fish_use_subcommand -f`,
    ...commands.flatMap((command) => [
      `complete -c ${name} -n __fish_use_subcommand -a ${command.name} -d ${quoted(command.summary)}`,
      ...command.options.map((one) => option(command, one)),
      ...command.values.map(
        (value) => `complete -c ${name} -n '__fish_seen_subcommand_from ${command.name}' -f -a ${value}`,
      ),
    ]),
  ]
}
