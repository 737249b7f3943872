import { expect, it } from 'vitest'
import { SCANS_AT_ONCE_MAX } from '../../core/limits.ts'
import { OpenCall } from '../../runtime/call.ts'
import { ScanTurns } from './scan-turns.ts'

const LONG_MS = 60_000
const settled = () => new Promise((resolve) => setImmediate(resolve))

/** Scans that end when they are told to, and the names of those that began. */
function scans() {
  const turns = new ScanTurns()
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<string>>()
  const scan = (name: string, call = new OpenCall(LONG_MS)): Promise<string> => {
    const end = Promise.withResolvers<string>()
    ends.set(name, end)
    return turns
      .run(call, () => {
        begun.push(name)
        return end.promise
      })
      .catch((error: { code?: string; message: string }) => error.code ?? error.message)
  }
  const end = async (name: string, error?: Error) => {
    if (error) ends.get(name)?.reject(error)
    else ends.get(name)?.resolve(name)
    await settled()
  }
  const full = Array.from({ length: SCANS_AT_ONCE_MAX }, (_, i) => `${i}`)
  return { scan, end, begun, full }
}

it('so many scans run at once, and the others begin in the order in which they came', async () => {
  const { scan, end, begun, full } = scans()
  const answers = [...full, 'a', 'b', 'c'].map((name) => scan(name))
  expect(begun).toEqual(full)
  await end('1')
  expect(begun).toEqual([...full, 'a'])
  await end('a', new Error('a fault'))
  expect(begun).toEqual([...full, 'a', 'b'])
  for (const name of [...full, 'b', 'c']) await end(name)
  expect(await Promise.all(answers)).toEqual([...full, 'a fault', 'b', 'c'])
  const again = [...full, 'd'].map((name) => scan(name))
  expect(begun.slice(-full.length)).toEqual(full)
  for (const name of [...full, 'd']) await end(name)
  await Promise.all(again)
})

it('a scan whose call ends while it waits ends with TIMEOUT at once, never begins, and takes no turn of another', async () => {
  const { scan, end, begun, full } = scans()
  const running = full.map((name) => scan(name))
  const call = new OpenCall(LONG_MS)
  const [left, next] = [scan('gone', call), scan('next')]
  call.cancel('the caller has gone')
  expect(await left).toBe('TIMEOUT')
  expect(await scan('late', call)).toBe('TIMEOUT')
  for (const name of full) await end(name)
  expect(begun).toEqual([...full, 'next'])
  await end('next')
  await Promise.all([...running, next])
})
