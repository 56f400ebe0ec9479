import type { CommandDeclaration } from '../../chat/declaration.ts'

export const approveDeclaration: CommandDeclaration = {
  name: 'approve',
  aliases: ['gtg'],
  summary: 'let somebody in: account, groups, rooms, welcome, out of INDOC; a knock is let into INDOC',
  details:
    'Give it as a reply to the introduction, or name the person or a row of `!pending`. Options correct what was understood. ' +
    'If something was guessed, it is shown first and waits for your confirmation.',
  examples: ['gtg', 'gtg 2', 'approve @ada:example.org --email ada@example.org --interests "maths, poetry"'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'changes',
  positionals: [{ name: 'user', type: { kind: 'user' }, required: false, summary: 'who; not needed in a reply' }],
  options: [
    { name: 'name', type: { kind: 'text' }, placeholder: '"first last"', summary: 'name, if it was misunderstood' },
    { name: 'email', type: { kind: 'email' }, placeholder: 'address', summary: 'e-mail address' },
    { name: 'username', type: { kind: 'text' }, placeholder: 'name', summary: 'username, if it should not be made from the name' },
    { name: 'invited-by', type: { kind: 'text' }, placeholder: 'who', summary: 'who vouches for them' },
    { name: 'organization', aliases: ['organisation', 'org'], type: { kind: 'text' }, placeholder: 'text', summary: 'where they belong' },
    { name: 'interests', type: { kind: 'list' }, placeholder: '"a, b"', summary: 'interests; rooms are recommended from them' },
    { name: 'groups', type: { kind: 'list' }, placeholder: 'a,b', summary: 'Authentik groups to put them in' },
    {
      name: 'rooms',
      type: { kind: 'rooms' },
      placeholder: 'room,…',
      conflictsWith: ['no-rooms'],
      summary: 'invite to these rooms, not to recommended ones',
    },
    { name: 'no-rooms', summary: 'invite to no room' },
    { name: 'keep-in-indoc', summary: 'do not take them out of INDOC' },
    { name: 'no-welcome', summary: 'send no welcome DM' },
  ],
  personal: ['email'],
}
