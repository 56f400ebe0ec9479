import type { CommandDeclaration } from '../../chat/declaration.ts'

export const roomsDeclaration: CommandDeclaration = {
  name: 'rooms',
  summary: 'list the rooms you may know, all or those that match a text',
  examples: ['rooms', 'rooms outdoor', 'rooms --category tech --page 2'],
  role: 'everyone',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'none',
  positionals: [{ name: 'query', type: { kind: 'text' }, required: false, rest: true, summary: 'words of the name, topic or category' }],
  options: [
    { name: 'category', type: { kind: 'text' }, placeholder: 'category', summary: 'only rooms of this category' },
    { name: 'page', type: { kind: 'integer', min: 1, max: 1000 }, placeholder: 'n', summary: 'which page of a long list' },
  ],
}
