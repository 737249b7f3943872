/** `docs/reference/clients.md`: what came of each client in `test/compat`, and where the differential test corrects the engine. */

import { type Check, CLIENTS, type Client, recorded } from '../test/compat/clients.ts'
import { cases } from '../test/compat/differential.ts'

type Table = (header: string[], rows: string[][]) => string

const INTRODUCTION = `# Clients

Unmodified clients of Qdrant, as they are published, against MaksDB: \`npm run compat -- --record\` runs them and records what comes of
each check, and this page is made from the record. \`npm test\` runs those that take seconds. Where the language is *requests*, the
program itself is too large to install, or is no package: the requests that its sources send are sent one by one.

*Not yet* names the field or the route that MaksDB refuses. *Own* are tests of the client's makers that fail in the same way on the
client's own in-memory engine, without any server.`

const UNRUN = `The clients for Go, Java, .NET and Rust speak gRPC, and with them spring-ai, langchain4j and Semantic Kernel for .NET: none of them has
been tried yet. \`qdrant-client\` for Python with \`prefer_grpc=True\` has ([calls that are spoken](grpc.md)). Points without a vector are not supported: Haystack's tests write documents without an embedding, and get one here before.`

const DIFFERENCES = `## Differences from the in-memory engine of qdrant-client

\`npm run differential\` performs random operations on MaksDB and on the engine that \`qdrant-client\` has for tests, and compares
the answers, up to the order of equal scores and 1e-4 of a score. In these cases the two are meant to differ, and the engine is
corrected before it is compared:`

/** What stands before the last part of a route that is absent. */
const ROUTE = /^[A-Z]+ \/collections\/[^/]+\//

export function clientsPage(table: Table): string {
  const results = recorded()
  const rows = CLIENTS.map((client) => row(client, results[client.id] ?? []))
  const differences = cases().map(({ what, engine, maksdb, source }) => [what, engine, maksdb, source])
  return [
    INTRODUCTION,
    table(['client', 'language', 'version', 'passed', 'not yet', 'own'], rows),
    UNRUN,
    '## What was checked',
    CLIENTS.map((client) => checked(client, results[client.id] ?? [])).join('\n'),
    DIFFERENCES,
    table(['case', 'the engine', 'MaksDB', 'source'], differences),
  ].join('\n\n')
}

function row({ name, language, version }: Client, checks: readonly Check[]): string[] {
  const missing = new Set(
    checks.flatMap(({ notYet }) => (notYet === undefined ? [] : [`\`${notYet.replace(ROUTE, '')}\``])),
  )
  const own = checks.filter(({ failsInMemory }) => failsInMemory).length
  const passed = checks.filter(({ notYet, failed, failsInMemory }) => !notYet && !failed && !failsInMemory).length
  return [
    name,
    language,
    version,
    `${passed} of ${checks.length}`,
    [...missing].join(', '),
    own === 0 ? '' : String(own),
  ]
}

function checked({ name, version }: Client, checks: readonly Check[]): string {
  const passed = checks.filter(({ notYet, failed, failsInMemory }) => !notYet && !failed && !failsInMemory)
  return `* ${name} ${version}: ${passed.map(({ what }) => what.replaceAll('_', ' ')).join(', ')}`
}
