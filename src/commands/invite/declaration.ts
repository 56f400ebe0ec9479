import type { CommandDeclaration } from '../../chat/declaration.ts'

export const inviteDeclaration: CommandDeclaration = {
  name: 'invite',
  summary: 'create an invitation link for somebody to make an account',
  details: 'The link is a secret: it goes by encrypted DM to one person and is never written into a room.',
  examples: ['invite Ada --email ada@example.org', 'invite Ada --expires 2d --to @ada:example.org'],
  role: 'moderator',
  rooms: ['indoc', 'admin', 'dm'],
  effect: 'changes',
  positionals: [{ name: 'name', type: { kind: 'text' }, required: true, rest: true, summary: 'whom it is for; a label only' }],
  options: [
    { name: 'email', type: { kind: 'email' }, placeholder: 'address', summary: 'e-mail address that is filled in' },
    {
      name: 'expires',
      type: { kind: 'duration', min: 300_000, max: 31_536_000_000 },
      placeholder: 'duration',
      summary: 'how long the link lives, 7d by default',
    },
    { name: 'multi-use', summary: 'the link works more than once' },
    { name: 'flow', type: { kind: 'text' }, placeholder: 'slug', summary: 'enrolment flow, if not the configured one' },
    { name: 'to', type: { kind: 'user' }, summary: 'who gets the link by DM, if not you' },
    { name: 'qr', summary: 'also as a QR code' },
  ],
  personal: ['email'],
}
