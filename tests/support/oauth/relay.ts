import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http'
import { anyAddress } from '../homeserver/rest.ts'

const agent = new Agent({ keepAlive: true, timeout: 10_000 })
const address = anyAddress()

/** Hands a request on to the homeserver behind, with another token, and its answer back. */
export const relay = async (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  target: string,
  token: string | undefined,
): Promise<void> => {
  const { authorization: _theirs, host: _host, ...headers } = incoming.headers
  await new Promise<void>((resolve, reject) => {
    const request = httpRequest(`${target}${incoming.url ?? '/'}`, {
      agent,
      method: incoming.method ?? 'GET',
      headers: { ...headers, 'x-forwarded-for': address, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    })
    request.on('error', reject)
    request.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
      answer.on('error', reject)
      answer.on('end', resolve)
    })
    // The client has gone: what it asked for is of no use any more.
    outgoing.on('close', () => {
      request.destroy()
      resolve()
    })
    incoming.pipe(request)
  })
}
