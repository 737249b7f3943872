/**
 * Node's `http` without an import statement. `import ... from 'node:http'` reads every export of the module, and at its `WebSocket` Node
 * loads undici: 35 ms of a processor and 13 MiB in each process, for what no program of ours uses.
 */
export const { createServer, request } = process.getBuiltinModule('node:http')
