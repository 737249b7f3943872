/** Addresses and names of this machine alone, and hosts as they are written in a URL. */
import { lookup } from 'node:dns/promises'
import { BlockList, isIP, isIPv6 } from 'node:net'

const LOOPBACK = new BlockList()
// An IPv4 address that is mapped into IPv6 counts as what it maps.
LOOPBACK.addSubnet('127.0.0.0', 8)
LOOPBACK.addAddress('::1', 'ipv6')

function isLoopbackAddress(address: string): boolean {
  const family = isIP(address)
  return family !== 0 && LOOPBACK.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/** Of a URL or a Host header: without the brackets of an IPv6 address. */
function bare(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}

/** True where a Host header can only mean this machine, whatever a name server answers. */
export function isLoopbackHost(header: string): boolean {
  const [, host = ''] = /^(\[[^\]]*\]|[^:[\]]*)(?::\d{1,5})?$/.exec(header) ?? []
  return /^(?:[a-z\d-]+\.)*localhost\.?$/i.test(host) || isLoopbackAddress(bare(host))
}

/** True where what listens on the address, or under the name, can be reached from this machine alone. */
export async function listensOnLoopback(host: string): Promise<boolean> {
  if (isIP(host) !== 0) return isLoopbackAddress(host)
  const found = await lookup(host, { all: true }).catch(() => [])
  return found.length > 0 && found.every(({ address }) => isLoopbackAddress(address))
}

/** A host as it stands in a URL. Who listens on all addresses is asked at 127.0.0.1. */
export function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return isIPv6(host) ? `[${host}]` : host
}
