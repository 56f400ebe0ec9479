import type { Stage } from '../stage.ts'

/** An invitation to make an account: its link goes to one person only, and it can be taken back. */
export const invitations = async (stage: Stage): Promise<void> => {
  const { rooms, authentik, users } = stage.demo
  const { indoc } = rooms
  const { invitations: open } = authentik.state

  await stage.step('Mo makes an invitation; its link comes by DM', async () => {
    const moderator = await stage.cast.person('moderator')
    const answer = await stage.ask('moderator', indoc, '!invite Grace Hopper --expires 2d')
    const invitation = await stage.until('an invitation in Authentik', () => Array.from(open.values())[0])
    const direct = await moderator.waitForInvite(users.bot.userId)
    await moderator.joinRoom(direct)
    stage.secrets.set('an invitation link', invitation.pk)
    const link = `${authentik.url}/if/flow/community-enrollment/?itoken=${invitation.pk}`
    const message = await stage.message(moderator, direct, { sender: users.bot.userId, body: /itoken=/ })
    stage.expect(message.body.includes(link), `the DM does not hold ${link}`)
    stage.expect(message.encrypted, 'the DM is not encrypted')
    stage.expect(!answer.body.includes(invitation.pk), 'the link stands in the room')
    const hours = (Date.parse(invitation.expires) - Date.now()) / 3_600_000
    stage.expect(Math.abs(hours - 48) < 1, `it lives ${hours.toFixed(1)} h, not 48`)
    return `${open.size} invitation in Authentik for two days, its link in an encrypted DM and nowhere else`
  })

  await stage.step('Mo lists the invitations and deletes one', async () => {
    const list = await stage.withoutChange(async () => await stage.ask('moderator', indoc, '!invites'))
    stage.expect(list.body.includes('Grace'), 'the invitation is not listed')
    const before = open.size
    await stage.ask('moderator', indoc, '!revoke Grace-Hopper')
    await stage.until('the invitation is gone from Authentik', () => (open.size === before - 1 ? true : undefined))
    return 'it is gone from Authentik'
  })
}
