import type { CommandDeclaration } from '../../chat/declaration.ts'

export const welcomeDeclaration: CommandDeclaration = {
  name: 'welcome',
  summary: 'send the welcome DM, or send it again',
  examples: ['welcome @ada:example.org', 'welcome @ada:example.org --template guests'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'changes',
  positionals: [{ name: 'user', type: { kind: 'user' }, required: true, summary: 'who is welcomed' }],
  options: [
    {
      name: 'template',
      type: { kind: 'text' },
      placeholder: 'name',
      summary: 'another welcome: the file `welcome-<name>.md` in the folder of `templates.directory`',
    },
  ],
}
