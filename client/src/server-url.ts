/** What a user writes as the URL of a server, taken apart: a path (of a proxy) is kept, a password is never shown. */
import { RequestError } from './errors.ts'

const DEFAULT_PORT = 6333

export interface ServerUrl {
  /** Scheme, host, port and path, without a slash at the end: safe to show. */
  base: string
  /** From a user and a password in the URL, as a proxy asks for them. */
  authorization: string | undefined
}

export function parseServerUrl(text: string): ServerUrl {
  const given = text.trim()
  const hasScheme = /^[a-z][a-z\d+.-]*:\/\//i.test(given)
  let url: URL
  try {
    url = new URL(hasScheme ? given : `http://${given}`)
  } catch {
    throw notAUrl(text, 'write it as http://host:port/path')
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw notAUrl(text, 'it must begin with http:// or https://')
  if (url.search !== '' || url.hash !== '') throw notAUrl(text, 'it must end with its path, without "?" or "#"')
  // A host alone means the port of MaksDB; with a scheme it means the port of the scheme, as everywhere.
  if (!hasScheme && url.port === '' && !/:80(\/|$)/.test(given)) url.port = String(DEFAULT_PORT)
  return { base: `${url.origin}${url.pathname.replace(/\/+$/, '')}`, authorization: basic(url) }
}

function basic(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined
  const bytes = new TextEncoder().encode(`${decoded(url.username)}:${decoded(url.password)}`)
  return `Basic ${btoa(String.fromCharCode(...bytes))}`
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function notAUrl(text: string, hint: string): RequestError {
  // What stands before an "@" may be a password, and so may what follows a "?".
  const shown = text.replace(/^([a-z][a-z\d+.-]*:\/\/)?.*@/i, '$1***@').replace(/[?#].*$/s, '')
  return new RequestError(`"${shown}" is no URL of a server: ${hint}`, { code: 'BAD_URL', status: 0, retriable: false })
}

/** A header cannot carry every character; fetch would refuse it as if the server could not be reached. */
export function checkApiKey(key: string): string {
  if (/^[\x21-\x7e\x80-\xff]([\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?$/.test(key)) return key
  throw new RequestError(
    'the api key is empty, begins or ends with a space, or has a character that no header carries',
    {
      code: 'BAD_API_KEY',
      status: 0,
      retriable: false,
    },
  )
}
