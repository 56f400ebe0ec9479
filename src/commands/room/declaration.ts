import type { CommandDeclaration } from '../../chat/declaration.ts'

export const roomDeclaration: CommandDeclaration = {
  name: 'room',
  summary: 'show one room: topic, category, members, how to join',
  examples: ['room tech', 'room #tech:example.org'],
  role: 'everyone',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'none',
  positionals: [{ name: 'room', type: { kind: 'room' }, required: true, rest: true, summary: 'name, alias, id or link of the room' }],
  options: [],
}
