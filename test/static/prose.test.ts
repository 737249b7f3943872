/** The prose of the texts that users see: errors, manifest, environment, metrics, alerts, dashboards, command line, conditions. */
import { describe, expect, it } from 'vitest'
import { ERRORS } from '../../core/errors.ts'
import { METRICS } from '../../protocol/metrics/metrics.ts'
import { ALERTS } from '../../tools/alerts.ts'
import { sourcesIn, textOf } from './sources.ts'

/** Words that hide the component that acts, or the condition. */
const VAGUE =
  /\b(anew|nobody|whoever|somebody|goes on|go on|a person|what (none|is|was|one of)|(is|are) told|hears?|says?)\b/i
/** Descriptions and alerts are of components: they have no questions, and `if` for a condition. */
const LOOSE = /[a-z]\?(\s|$)|\b(where none|where no|where not|where it is)\b/i

const TEXTS: [files: RegExp, words: RegExp][] = [
  [/^core\/errors\.ts$/, VAGUE],
  [/^protocol\/(manifest|metrics)\/|^protocol\/env\/config\.ts$/, VAGUE],
  [/^tools\/(alerts\.ts|dashboards\/)/, VAGUE],
  [/^(cli|supervisor)\//, VAGUE],
  [/^operator\/(status|act|watch)\//, VAGUE],
  [
    /^core\/errors\.ts$|^protocol\/(manifest|metrics)\/|^protocol\/env\/config\.ts$|^tools\/(alerts\.ts|dashboards\/)/,
    LOOSE,
  ],
]

const sources = ['core', 'protocol', 'tools', 'cli', 'supervisor', 'operator'].flatMap(sourcesIn)

/** Comments and patterns come first, so that a quote in one of them begins no literal; a template may hold others. */
const TOKEN =
  /\/\*[\s\S]*?\*\/|(?<!:)\/\/.*|(?<=[(,=:[!&|?{;]\s*)\/(?:\\.|\[(?:\\.|[^\]\n])*\]|[^/\\\n])+\/\w*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|\$\{(?:[^{}`]|`[^`]*`|\{[^{}]*\})*\}|[^`\\])*`/g
const SUBSTITUTION = /\$\{((?:[^{}`]|`[^`]*`|\{[^{}]*\})*)\}/g

/** The string literals of a text that are sentences: those with a space. */
function stringsOf(text: string): string[] {
  return [...text.matchAll(TOKEN)].flatMap(([token]) => {
    if (token.startsWith('/')) return []
    const within = token.startsWith('`')
      ? [...token.matchAll(SUBSTITUTION)].flatMap(([, code = '']) => stringsOf(code))
      : []
    const literal = token.slice(1, -1).replaceAll(SUBSTITUTION, '…')
    return literal.includes(' ') ? [literal, ...within] : within
  })
}

function faultsOf(file: string, text: string, words: RegExp): string[] {
  return stringsOf(text).flatMap((string) => {
    const found = words.exec(string)
    return found ? [`${file}: "${found[0].trim()}" in: ${string}`] : []
  })
}

/** A capital or the name of a command, a metric or a setting first, and a full stop at the end. */
const isSentence = (text: string): boolean => /^(?:[\p{Lu}\d]|kubectl |maksdb_|maxmemory )[\s\S]*\.$/u.test(text.trim())

describe('the texts that users see', () => {
  it.each(TEXTS)('of %s have none of the words %s', (files, words) => {
    const read = sources.filter((file) => files.test(file))
    expect(read).not.toEqual([])
    expect(read.flatMap((file) => faultsOf(file, textOf(file), words))).toEqual([])
  })

  it('end as sentences: hints of errors, help of metrics, and what alerts mean', () => {
    const texts = [
      ...Object.values(ERRORS).map(({ hint }) => hint),
      ...Object.values(METRICS).map(({ help }) => help),
      ...ALERTS.map(({ what }) => what),
    ]
    expect(texts.filter((text) => !isSentence(text))).toEqual([])
  })
})

describe('the check of prose', () => {
  it('finds a bad word in a literal, in a template and in a description, and not in a comment or a name', () => {
    const bad = [
      "const hint = 'What none of them holds waits'",
      'const note = `shard ${cell}: searches go on without ${pod}`',
      "z.string().describe('the pod that hears the news')",
    ]
    const good = ["// Whoever reads this goes on.\nconst nobody = 'the shard continues'", "const says = 'nobody'"]
    expect(bad.map((text) => faultsOf('x.ts', text, VAGUE).length)).toEqual([1, 1, 1])
    expect(good.flatMap((text) => faultsOf('x.ts', text, VAGUE))).toEqual([])
    expect(faultsOf('x.ts', "const what = 'Is the lag falling? Then wait.'", LOOSE)).toHaveLength(1)
  })

  it('finds a text that is no sentence', () => {
    expect(['Points of the pod.', 'points of the pod.', 'Points of the pod'].map(isSentence)).toEqual([
      true,
      false,
      false,
    ])
  })
})
