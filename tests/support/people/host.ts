import { Client } from './client.ts'
import type { Envelope, HostMessage, HostRequest } from './protocol.ts'

/**
 * The process that hosts real clients for the tests. They live apart from the tests because their timers outlast them and their logs are loud. It
 * is spoken to over Node's channel between parent and child, and ends when its parent does.
 */
const clients = new Map<number, Client>()

const tell = (message: HostMessage): void => {
  process.send?.(message)
}

const clientOf = (person: number): Client => {
  const client = clients.get(person)
  if (!client) throw new Error('No such client')
  return client
}

const perform = async (person: number, request: HostRequest): Promise<unknown> => {
  switch (request.kind) {
    case 'start': {
      const client = new Client(request.account, (notice) => tell({ kind: 'notice', person, notice }))
      clients.set(person, client)
      return await client.start()
    }
    case 'send':
      return await clientOf(person).send(request.roomId, request.type, request.content, request.how)
    case 'encrypt':
      return await clientOf(person).encrypt(request.roomId, request.type, request.content)
    case 'verify':
      return await clientOf(person).verify(request.userId)
    case 'identity':
      return await clientOf(person).identity(request.userId)
    case 'trust':
      return await clientOf(person).trust(request.userId, request.deviceId)
    case 'devices':
      return await clientOf(person).devices(request.userId)
    case 'stop':
      clientOf(person).stop()
      return clients.delete(person)
  }
}

const answer = async ({ id, person, request }: Envelope): Promise<void> => {
  try {
    tell({ kind: 'answer', id, value: await perform(person, request) })
  } catch (error) {
    tell({ kind: 'answer', id, error: error instanceof Error ? error.message : String(error) })
  }
}

process.on('disconnect', () => process.exit(0))
// An engine's panic leaves a promise pending for ever: better to end loudly, the parent shows the log.
process.on('unhandledRejection', (error) => {
  console.error('unhandled rejection', error)
})
process.on('message', (envelope: Envelope) => {
  void answer(envelope)
})
tell({ kind: 'ready' })
