import type { Stage } from '../stage.ts'

const email = 'zoe@riverbend.test'

/** Somebody who comes to INDOC by herself: asked, understood by what she writes, and let in with one word. */
export const introductions = async (stage: Stage): Promise<void> => {
  const { rooms, users, admin, authentik } = stage.demo
  const { indoc } = rooms
  const { bot, freshNewcomer } = users
  const zoe = await stage.cast.person('visitor')
  let introduction = ''

  await stage.step('Zoe joins INDOC and is asked who she is', async () => {
    await zoe.joinRoom(indoc)
    const prompt = await stage.message(zoe, indoc, { sender: bot.userId, fits: ({ mentions }) => mentions.includes(zoe.userId) })
    stage.expect(prompt.encrypted, 'the question came in clear')
    return 'asked, with a mention, in a message that she can read'
  })

  await stage.step('She answers in two messages, and Mo looks who waits', async () => {
    await zoe.sendText(indoc, '1. Zoe Brontë\n2. skip\n3. Mo')
    introduction = await zoe.sendText(indoc, `4. ${email}\n5. hiking, tea`)
    const moderator = await stage.cast.person('moderator')
    await stage.message(moderator, indoc, { sender: zoe.userId, body: /hiking, tea/ })
    const answer = await stage.ask('moderator', indoc, '!pending')
    stage.expect(/Zoe Brontë/u.test(answer.body), 'her introduction is not in the list')
    stage.expect(!answer.body.includes(email), 'her address stands in INDOC, said by the bot')
    return 'she is in the list, without her address'
  })

  await stage.step('Mo replies !gtg to her introduction', async () => {
    const answer = await stage.ask('moderator', indoc, '!gtg', { replyTo: introduction })
    stage.expect(/^(?:✅|⚠️)/u.test(answer.body), 'the answer has no mark of success')
    const accounts = Array.from(authentik.state.users.values()).filter((one) => one.email === email)
    stage.expect(accounts.length === 1, `there are ${accounts.length} accounts with her address`)
    stage.expect(accounts[0]?.attributes.matrix_id === zoe.userId, 'her account belongs to somebody else')
    const hiking = rooms.catalogue.find(({ name }) => name === 'Hiking')
    await stage.until('an invitation to the Hiking room', () =>
      stage.membership(hiking?.roomId ?? '', zoe.userId) === 'invite' ? true : undefined,
    )
    return `account ${accounts[0]?.username}, invited to the rooms that fit`
  })

  await stage.step('She accepts the direct chat, reads her welcome, and leaves INDOC', async () => {
    const direct = await stage.until(
      'the offer of a direct chat',
      () =>
        admin.database
          .events({ sender: bot.userId, type: 'm.room.member', stateKey: zoe.userId })
          .find(({ content }) => content['membership'] === 'invite' && content['is_direct'] === true)?.room_id,
    )
    await zoe.joinRoom(direct)
    await stage.message(zoe, undefined, { sender: bot.userId, body: /Your account is ready/ })
    await stage.until('her way out of INDOC', () => (stage.membership(indoc, zoe.userId) === 'leave' ? true : undefined))
    return 'welcome read, out of INDOC'
  })

  await stage.step('Mo does not let Noa in, and gives a reason', async () => {
    const answer = await stage.ask('moderator', indoc, `!decline ${freshNewcomer.userId} --reason "we are full"`)
    stage.expect(/^(?:✅|⚠️)/u.test(answer.body), 'the answer has no mark of success')
    const moderator = await stage.cast.person('moderator')
    const told = await stage.message(moderator, indoc, {
      sender: bot.userId,
      fits: ({ mentions, body }) => mentions.includes(freshNewcomer.userId) && body.includes('we are full'),
    })
    stage.expect(told.encrypted, 'she was told in clear')
    const accounts = Array.from(authentik.state.users.values()).filter((one) => one.attributes['matrix_id'] === freshNewcomer.userId)
    stage.expect(accounts.length === 0, 'she has an account')
    stage.expect(stage.membership(indoc, freshNewcomer.userId) === 'join', 'she was taken out of INDOC')
    return 'told in INDOC with the reason; no account, and nobody was thrown out'
  })
}
