/** Every route of the router has its largest request in the table that test/local/limits.test.ts sends. */
import { expect, it } from 'vitest'
import { parseEnv, routerEnvSchema } from '../../protocol/env/config.ts'
import { makeRestServer, type RestParts } from '../../router/rest/server.ts'
import { LARGEST, requestsOf } from '../support/largest-requests.ts'

interface Layer {
  route?: { path: string; methods: Record<string, boolean> }
  handle: { stack?: Layer[] }
}

function routesOf(layers: readonly Layer[]): string[] {
  return layers.flatMap(({ route, handle }) => {
    if (!route) return routesOf(handle.stack ?? [])
    const methods = Object.keys(route.methods)
    const every = methods.length > 5 || methods.includes('_all')
    return [route.path]
      .flat()
      .flatMap((path) => (every ? [`ALL ${path}`] : methods.map((method) => `${method.toUpperCase()} ${path}`)))
  })
}

it('no route is without its largest request, and no request without its route', () => {
  // Nothing is asked of this server, so that it needs nothing but its environment.
  const env = parseEnv(routerEnvSchema, { MAKSDB_ROUTER_FILE: '', MAKSDB_INTERNAL_TOKEN: '' })
  const server = makeRestServer({ env } as RestParts)
  const [app] = server.listeners('request') as unknown as { router: { stack: Layer[] } }[]
  const routes = routesOf(app?.router.stack ?? [])
  expect(routes.length).toBeGreaterThan(20)
  expect(routes.filter((route) => requestsOf(route) === undefined)).toEqual([])
  expect(Object.keys(LARGEST).filter((route) => !routes.includes(route))).toEqual([])
})
