/**
 * What the protocol would be without one of its rules. The simulation must find each of them out. Not here are rules behind
 * which another one stands, so that nothing goes wrong without one of them alone: the connection and the number of a batch,
 * the closed gate and the token, the head of the stream and the look whether the log is whole; and what is too rare to meet: a
 * takeover that Redis has forgotten, and a lead that its pod has not begun (test/redis/gate.test.ts).
 */
import { type ScriptName, scriptSource } from '../../store/scripts.ts'
import type { Mutation } from './world.ts'

export interface Mutant {
  name: string
  mutation: Mutation
  /** The first seed to try, where it takes many to meet what shows it. */
  from?: number
  /** It shows only beside a training or a supervisor. */
  wide?: boolean
  /** It shows beside edits of payloads. */
  edits?: boolean
  /** It shows in longer histories. */
  steps?: number
}

/** A script with one place changed. Throws where the script does not have the place any more. */
function script(name: string, of: ScriptName, from: string, to: string): Mutant {
  const source = scriptSource(of)
  if (!source.includes(from)) throw new Error(`mutant "${name}": ${of}.lua does not have: ${from}`)
  return { name, mutation: { scripts: { [of]: source.replace(from, to) } } }
}

/** The steps of a repair without the look whether its first one is still there. */
function steps(name: string): Mutant {
  const changed = (['repair-append', 'repair-directory', 'repair-idempotency', 'repair-finish'] as const).map((of) => {
    const { mutation } = script(name, of, 'begun(KEYS[1], KEYS[2], ', 'repairing(KEYS[2], ')
    return mutation.scripts ?? {}
  })
  return { name, mutation: { scripts: Object.assign({}, ...changed) as Record<string, string> } }
}

function pod(name: string): Mutant {
  return { name, mutation: { flags: new Set([name]) } }
}

export const MUTANTS: Mutant[] = [
  {
    ...script('any token appends', 'commit-batch', 'if w[1] ~= ARGV[3] then', 'if false then'),
    from: 549,
    steps: 150,
  },
  script(
    'late bytes are taken, whatever their connection and batch',
    'commit-batch',
    "if w[2] ~= ARGV[4] then return { 'CONNECTION', w[2] or '' } end\nif num(w[3]) + 1 ~= num(ARGV[5])",
    'if false',
  ),
  script(
    'old holders get no tombstone',
    'commit-batch',
    'for _, cell in ipairs({ cur.owner, cur.spill, cur.source }) do',
    'for _, cell in ipairs({}) do',
  ),
  script(
    'a move overwrites what changed meanwhile',
    'commit-batch',
    "if given ~= have or (kind == 'o' and not live) then",
    'if false then',
  ),
  script(
    'the gate opens to the first who claims',
    'claim-cell',
    'if everyone or leaders then return open() end',
    'if true then return open() end',
  ),
  script('every claim fits', 'claim-cell', 'if not fits and not regressed then', 'if false then'),
  script(
    'the copy that reaches least is chosen',
    'claim-cell',
    "if c.settled == '1' and (not b or above(c.at, b.at)",
    "if c.settled == '1' and (not b or above(b.at, c.at)",
  ),
  script('a loss that nobody holds is not told', 'claim-cell', "if text ~= '' and not given_up then", 'if false then'),
  script(
    'a repair does not wait for all pods',
    'claim-cell',
    'if not given_up and settled < num(ARGV[9]) then',
    'if false then',
  ),
  script(
    'an opened gate goes on in the same history',
    'claim-cell',
    "return { 'OPEN', open_gate(KEYS[1], inc) }",
    "redis.call('HSET', KEYS[1], 'inc', inc) return { 'OPEN', redis.call('HGET', KEYS[1], 'timeline') or '0' }",
  ),
  script('a repaired log keeps what Redis has', 'repair-begin', 'local keep = whole(s) and', 'local keep = true or'),
  script(
    'versions begin again after a repair',
    'repair-begin',
    'local ver, cv = math.max(num(m[1]), num(ARGV[4])) + VERSION_GAP, num(m[2])',
    'local ver, cv = num(m[1]), num(m[2])',
  ),
  script('who led before a repair goes on', 'repair-begin', "'token', '', ", ''),
  script(
    'the directory is not written anew',
    'repair-directory',
    "redis.call('HSET', KEYS[i], ARGV[at], ARGV[at + 1])",
    '',
  ),
  script(
    'each acceptance of a loss begins its window anew',
    'accept-loss',
    "if redis.call('HGET', KEYS[2], 'accepted') == inc then return { 'OK', why } end",
    '',
  ),
  {
    ...script(
      'only pods know what the log was',
      'claim-cell',
      "local head = not rebased and not told_by_primary(all, c) and redis.call('HGET', KEYS[3 + 2 * c], 'head') or '0-0'",
      "local head = '0-0'",
    ),
    from: 100_879,
  },
  pod('acknowledge before the primaries have applied'),
  pod('acknowledge before the reply'),
  pod('positions without a history'),
  pod('believe every tombstone'),
  {
    ...script('an unfinished repair is forgotten', 'claim-cell', 'if rebased then fits = false end', ''),
    from: 1198,
  },
  {
    ...script(
      'who slept while the gate was closed leads at once',
      'acquire-lease',
      "if (redis.call('HGET', KEYS[1], 'timeline') or '0') ~= ARGV[5] then return { 'GATE' } end",
      '',
    ),
    from: 300_853,
  },
  { ...steps('a repair goes on after Redis has lost its first step'), from: 401_865 },
  { ...pod('snapshots forget what was let go'), from: 366, steps: 150 },
  pod('leave stale rows where they are'),
  {
    ...script(
      'a lead outlives the closed gate',
      'claim-cell',
      "for c = 0, cells - 1 do redis.call('HSET', KEYS[3 + 2 * c], 'token', '') end",
      '',
    ),
    from: 20_455,
  },
  {
    ...script(
      'a repair does not say what was lost before it',
      'repair-begin',
      "append(s, 'R', int(ver)",
      "append(s, 'R', '0'",
    ),
    from: 6_001_803,
    steps: 150,
    wide: true,
  },
  { ...pod('a repair forgets what requests have come to'), wide: true },
  {
    ...script(
      'records of requests outlive what a repair has undone',
      'repair-begin',
      "for _, record in ipairs(redis.call('ZRANGE', idempotency, 0, -1)) do redis.call('UNLINK', record) end\nredis.call('UNLINK', idempotency)",
      '',
    ),
    wide: true,
  },
  {
    ...script('a key is no reason not to execute a request again', 'commit-batch', 'if done then', 'if false then'),
    wide: true,
  },
  {
    ...script(
      'whatever let an id go tells of a request',
      'commit-batch',
      "if a[2] ~= 'T' or a[6] == '' then a[8] = idempotency end",
      'a[8] = once',
    ),
    wide: true,
  },
  {
    ...script(
      'a repair forgets the centroids',
      'repair-begin',
      "if cv > 0 then append(s, 'C', int(ver), int(cv), '', '', redis.call('GET', centroids) or '') end",
      '',
    ),
    wide: true,
  },
  {
    ...script(
      'an edit does not look whether its point was written meanwhile',
      'commit-batch',
      "if expect ~= '' then",
      "if expect ~= '' and t ~= 'P' then",
    ),
    edits: true,
  },
  {
    ...script(
      'an edit reaches the owner alone',
      'commit-batch',
      "if new.owner ~= '-' then put(new.owner, 'o') put(new.spill, 'c') put(new.source, 'l') end",
      "if new.owner ~= '-' then put(new.owner, 'o') if t ~= 'P' then put(new.spill, 'c') put(new.source, 'l') end end\n  if t == 'P' then keep[new.spill] = true keep[new.source] = true end",
    ),
    edits: true,
  },
  {
    ...script(
      'an edit makes the redundant row another owner',
      'commit-batch',
      'flag .. base, row)',
      "(t == 'P' and 'o' or flag) .. base, row)",
    ),
    edits: true,
  },
  { ...pod('an edit leaves its row the version that it had'), edits: true },
  {
    ...script(
      'new centroids are told to some cells only',
      'publish-centroids',
      "for c = 0, cells - 1 do\n  local s = load_cell(KEYS[3 + 2 * c], KEYS[4 + 2 * c])\n  append(s, 'C'",
      "for c = 0, cells - 2 do\n  local s = load_cell(KEYS[3 + 2 * c], KEYS[4 + 2 * c])\n  append(s, 'C'",
    ),
    wide: true,
  },
]
