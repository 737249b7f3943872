/** How an address of either family is written beside a port. */

/** `10.0.0.1:80`, `[fd00::1]:80`, `films.default.svc:80`: the one place where a host and a port become one text. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Base URL without a path. */
export function httpUrl(host: string, port: number): string {
  return `http://${hostPort(host, port)}`
}

/** Stands for every address of both families, and for IPv4 alone on a machine without IPv6. */
export const ANY_ADDRESS = '*'
