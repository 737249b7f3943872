/** Why a server was not reached, in words, and whether another try can help. */
import { NetworkError } from './errors.ts'

const REASONS: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there',
  ECONNRESET: 'it closed the connection',
  EHOSTUNREACH: 'there is no way to its host',
  ENETUNREACH: 'there is no way to its network',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be resolved now',
  ETIMEDOUT: 'its host does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'its host does not answer',
  UND_ERR_SOCKET: 'it closed the connection',
}
/** What no further try changes. */
const LASTING: Record<string, [reason: string, hint: string]> = {
  ERR_SSL_WRONG_VERSION_NUMBER: ['it does not speak TLS', 'Use http:// instead of https://.'],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ['it does not speak TLS', 'Use http:// instead of https://.'],
  ERR_TLS_CERT_ALTNAME_INVALID: ['its certificate is for another name', 'Use the name that its certificate has.'],
  'bad port': ['its port is reserved for another protocol, and fetch refuses it', 'Use another port.'],
  CERT_HAS_EXPIRED: ['its certificate has expired', 'Renew the certificate.'],
}
const UNTRUSTED = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT|UNABLE_TO_|CERT_|ERR_SSL_|ERR_TLS_|EPROTO)/
const TRUST_HINT = 'Set NODE_EXTRA_CA_CERTS to a file with the certificate of its authority.'

/** @param base the URL as it may be shown */
export function unreachable(base: string, error: unknown): NetworkError {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause
  const code = cause?.code ?? ''
  const lasting =
    LASTING[code] ??
    LASTING[cause?.message ?? ''] ??
    (UNTRUSTED.test(code) ? ['its certificate is not trusted here', TRUST_HINT] : undefined)
  if (lasting !== undefined)
    return new NetworkError(`${base} cannot be reached: ${lasting[0]}`, {
      code: 'ADDRESS',
      status: 0,
      retriable: false,
      hint: lasting[1],
      cause: error,
    })
  const reason = REASONS[code] ?? cause?.message ?? (error instanceof Error ? error.message : String(error))
  return new NetworkError(`${base} cannot be reached: ${reason}`, {
    code: 'NETWORK',
    status: 0,
    retriable: false,
    hint: 'Is the server running, and is this its address?',
    cause: error,
  })
}
