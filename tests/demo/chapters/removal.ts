import type { Stage } from '../stage.ts'

/** Somebody must go: a plan, a confirmation that only its asker can give, and a truthful report. */
export const removal = async (stage: Stage): Promise<void> => {
  const { rooms, users, admin } = stage.demo
  const [target] = users.members
  stage.expect(target !== undefined, 'the demo has no member')
  const { userId } = target
  const where = rooms.catalogue.filter((room) => stage.membership(room.roomId, userId) === 'join')
  const powerless = where.filter((room) => (room.botPower ?? 100) < 50)
  const still = (): number => where.filter((room) => stage.membership(room.roomId, userId) === 'join').length
  let code: string | undefined

  await stage.step(`Mo wants to remove ${stage.cast.nameOf(userId)}, and sees a plan`, async () => {
    const plan = await stage.withoutChange(async () => await stage.ask('moderator', rooms.admin, `!remove ${userId} --reason spam`))
    code = /!confirm ([a-z0-9]+)/i.exec(plan.body)?.[1]
    stage.expect(code !== undefined, 'the plan asks for no confirmation')
    for (const { name } of powerless)
      stage.expect(plan.body.includes(name), `the plan does not tell about ${name}, where the bot has no power`)
    stage.expect(still() === where.length, 'somebody was removed before the confirmation')
    return `a plan that names ${powerless.map(({ name }) => name).join(' and ')}, where the bot has no power; nothing was done`
  })

  await stage.step("Olga tries to confirm Mo's plan", async () => {
    stage.expect(code !== undefined, 'there is no plan')
    const answer = await stage.withoutChange(async () => await stage.ask('admin', rooms.admin, `!confirm ${code}`))
    stage.expect(answer.body.startsWith('❌'), 'she was not refused')
    return 'refused, nothing was done'
  })

  await stage.step('Mo confirms', async () => {
    stage.expect(code !== undefined, 'there is no plan')
    const answer = await stage.ask('moderator', rooms.admin, `!confirm ${code}`)
    const kicked = where.filter((room) =>
      admin.database
        .events({ roomId: room.roomId, sender: users.bot.userId, type: 'm.room.member', stateKey: userId })
        .some((event) => event.content.membership === 'leave'),
    )
    const left = powerless.filter((room) => stage.membership(room.roomId, userId) === 'join')
    stage.expect(
      kicked.length === where.length - powerless.length,
      `removed from ${kicked.length} rooms of ${where.length - powerless.length}`,
    )
    stage.expect(left.length === powerless.length, 'he is gone from rooms where the bot has no power')
    stage.expect(answer.body.startsWith('⚠️'), 'the answer is not marked as partly done')
    for (const { name } of powerless) stage.expect(answer.body.includes(name), `the report does not tell about ${name}`)
    return `removed from ${kicked.length} rooms, still in ${left.map(({ name }) => name).join(' and ')}, and the report says so`
  })

  await stage.step('Mo asks why', async () => {
    const moderator = await stage.cast.person('moderator')
    const last = moderator.timeline(rooms.admin).findLast((message) => message.sender === users.bot.userId)
    stage.expect(last !== undefined, 'there is no answer to ask about')
    const why = await stage.withoutChange(async () => await stage.ask('moderator', rooms.admin, '!why', { replyTo: last.eventId }))
    stage.expect(/remove/.test(why.body), 'it does not name the command')
    return 'explained'
  })
}
