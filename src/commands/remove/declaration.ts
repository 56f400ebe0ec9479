import type { CommandDeclaration } from '../../chat/declaration.ts'

export const removeDeclaration: CommandDeclaration = {
  name: 'remove',
  summary: 'remove people from rooms, and contain their accounts first',
  details: 'Without rooms: from every room where they are and where I can. You see the plan first and confirm it with its code.',
  examples: [
    'remove @ada:example.org',
    'remove @ada:example.org @bob:example.org --rooms tech,outdoor --reason spam',
    'remove @ada:example.org here --ban --redact 50',
  ],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'destructive',
  positionals: [{ name: 'users', type: { kind: 'users' }, required: true, rest: true, summary: 'people, or the handle of a list' }],
  options: [
    {
      name: 'rooms',
      type: { kind: 'rooms' },
      placeholder: 'room,…',
      bareWords: ['here'],
      conflictsWith: ['category'],
      summary: 'only from these rooms; `here` is this room',
    },
    { name: 'category', type: { kind: 'text' }, placeholder: 'category', summary: 'only from the rooms of this category' },
    {
      name: 'reason',
      type: { kind: 'text' },
      placeholder: 'preset|"text"',
      summary: 'a preset (unverified, inactive, spam, safety) or a text in quotes',
    },
    { name: 'ban', summary: 'ban, so that they cannot come back' },
    {
      name: 'redact',
      type: { kind: 'integer', min: 1, max: 1000 },
      placeholder: 'n',
      valueIfBare: 100,
      summary: 'redact their latest n messages in each room, 100 if no number is given',
    },
    { name: 'deactivate', summary: 'deactivate their account first' },
    { name: 'suspend', summary: 'suspend their Matrix user first' },
    { name: 'announce', summary: 'tell it in the admin room' },
  ],
}
