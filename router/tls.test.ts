import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, utimesSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type PeerCertificate } from 'node:tls'
import { pino } from 'pino'
import { afterAll, expect, it } from 'vitest'
import { http2ServerOf, serverOf } from './tls.ts'

const folder = mkdtempSync(join(tmpdir(), 'maksdb-tls-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function certify(name: string): void {
  const files = ['-keyout', join(folder, 'tls.key'), '-out', join(folder, 'tls.crt')]
  const args = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', `/CN=${name}`, ...files]
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}

function protocolOf(port: number): Promise<string | false | null> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: ['http/1.1', 'h2'] }
    const socket = connect(options, () => {
      socket.destroy()
      resolve(socket.alpnProtocol)
    })
    socket.on('error', reject)
  })
}

function servedName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      const certificate: PeerCertificate = socket.getPeerCertificate()
      socket.destroy()
      resolve(String(certificate.subject.CN))
    })
    socket.on('error', reject)
  })
}

it('HTTPS takes up a renewed certificate without a restart, and keeps the old one while the new cannot be read', async () => {
  certify('first')
  const server = serverOf((_request, response) => response.end('ok'), folder, pino({ level: 'silent' }), 20)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  expect(await servedName(port)).toBe('first')
  certify('second')
  // Whatever the clock of the file system: a renewed file is newer.
  utimesSync(join(folder, 'tls.crt'), new Date(), new Date(Date.now() + 10_000))
  await expect.poll(() => servedName(port)).toBe('second')
  rmSync(join(folder, 'tls.key'))
  utimesSync(join(folder, 'tls.crt'), new Date(), new Date(Date.now() + 20_000))
  expect(await servedName(port)).toBe('second')
  server.close()
})

it('gRPC has the certificate of HTTPS, and speaks HTTP/2 alone', async () => {
  certify('both')
  const server = http2ServerOf({}, folder, pino({ level: 'silent' }))
  server.on('sessionError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  expect([await protocolOf(port), await servedName(port)]).toEqual(['h2', 'both'])
  server.close()
})
