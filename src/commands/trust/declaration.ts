import type { CommandDeclaration } from '../../chat/declaration.ts'

export const trustDeclaration: CommandDeclaration = {
  name: 'trust',
  summary: 'accept the new identity of somebody who may command',
  details:
    'I remember the identity of everybody who may command. Who makes a new one changes nothing any more until another admin has accepted it here. ' +
    'Ask the person first, in person or by telephone: a homeserver can make up a new identity for anybody. ' +
    'Nobody can accept their own; where there is no other admin, the operator runs `gatehouse crypto trust`.',
  examples: ['trust @ada:example.org'],
  role: 'admin',
  rooms: ['admin', 'dm'],
  effect: 'destructive',
  positionals: [{ name: 'who', type: { kind: 'user' }, required: true, summary: 'the person' }],
  options: [],
}
