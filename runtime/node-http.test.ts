import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

/** The modules of Node that a process of its own has loaded after an import. */
function loadedAfter(specifier: string): string[] {
  const script = `await import(${JSON.stringify(specifier)}); console.log(process.moduleLoadList.join('\\n'))`
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).split('\n')
}

describe('our servers and requests of HTTP', () => {
  it.each(['http-server', 'http-call'])('%s loads the http of Node, and not undici', (file) => {
    const loaded = loadedAfter(new URL(`./${file}.ts`, import.meta.url).href)
    expect(loaded).toContain('NativeModule _http_client')
    expect(loaded).not.toContain('NativeModule internal/deps/undici/undici')
  })

  it('an import statement would load it', () => {
    expect(loadedAfter('node:http')).toContain('NativeModule internal/deps/undici/undici')
  })
})
