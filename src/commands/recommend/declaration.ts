import type { CommandDeclaration } from '../../chat/declaration.ts'

export const recommendDeclaration: CommandDeclaration = {
  name: 'recommend',
  summary: 'recommend rooms for interests',
  examples: ['recommend hiking, board games'],
  role: 'everyone',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'none',
  positionals: [{ name: 'interests', type: { kind: 'list' }, required: true, rest: true, summary: 'interests, separated by commas' }],
  options: [],
}
