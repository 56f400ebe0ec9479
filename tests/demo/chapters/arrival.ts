import type { UserRecord } from '../../support/authentik/state.ts'
import type { Stage } from '../stage.ts'

/** How late the newcomer accepts the DM (milliseconds after it was offered). */
const lateMs = 30_000
const email = 'ada@riverbend.test'

/** The main job: an account, rooms, a welcome that can be read, and the way out of INDOC. */
export const arrival = async (stage: Stage): Promise<void> => {
  const { rooms, authentik, users, admin } = stage.demo
  const { indoc } = rooms
  const { bot, newcomer } = users
  const { database } = admin
  const command = `!adduser Ada Lovelace --email ${email} --matrix ${newcomer.userId} --interests “hiking, machine learning” --organization Analytical`
  const accounts = (): readonly UserRecord[] => Array.from(authentik.state.users.values()).filter((user) => user.email === email)
  const directRooms = (): readonly string[] =>
    database
      .events({ sender: bot.userId, type: 'm.room.member', stateKey: newcomer.userId })
      .filter((event) => event.content.membership === 'invite' && event.content.is_direct === true)
      .map((event) => event.room_id)
  let offeredAt = performance.now()

  await stage.step('Mo adds Ada', async () => {
    const answer = await stage.ask('moderator', indoc, command)
    const [account] = accounts()
    stage.expect(account !== undefined && accounts().length === 1, `there are ${accounts().length} accounts with her address`)
    const groups = Array.from(account.groups, (pk) => authentik.state.groups.get(pk)?.name)
    stage.expect(account.name === 'Ada Lovelace' && account.is_active, 'the account has another name or is not active')
    stage.expect(groups.includes('Members'), `its groups are ${groups.join(', ') || 'none'}`)
    stage.expect(account.attributes.matrix_id === newcomer.userId, `matrix_id is ${JSON.stringify(account.attributes.matrix_id)}`)
    stage.expect(JSON.stringify(account.attributes.interests ?? '').includes('hiking'), 'the interests are not in its attributes')
    stage.expect(/^(✅|⚠️)/u.test(answer.body), 'the answer has no mark of success')
    const invited = await stage.until('an invitation to the Hiking room', () => {
      const found = rooms.catalogue.filter((room) => stage.membership(room.roomId, newcomer.userId) === 'invite')
      return found.some((room) => room.name === 'Hiking') ? found : undefined
    })
    await stage.until('the offer of a direct chat', () => (directRooms().length > 0 ? true : undefined))
    offeredAt = performance.now()
    stage.expect(stage.membership(indoc, newcomer.userId) === 'join', 'she was taken out of INDOC before she arrived anywhere')
    return `account ${account.username} in Authentik (${groups.join(', ')}), invited to ${invited.map(({ name }) => name).join(', ')} and to a direct chat`
  })

  await stage.step('The command held an e-mail address, so it is hidden in INDOC', async () => {
    await stage.until('a redaction by the bot', () =>
      database.countEvents({ roomId: indoc, sender: bot.userId, type: 'm.room.redaction' }) > 0 ? true : undefined,
    )
    return 'redacted by the bot'
  })

  await stage.step('Mo types the same again', async () => {
    await stage.ask('moderator', indoc, command)
    stage.expect(accounts().length === 1, `there are ${accounts().length} accounts now`)
    stage.expect(new Set(directRooms()).size === 1, `there are ${new Set(directRooms()).size} direct chats now`)
    return 'still one account and one direct chat'
  })

  await stage.step('Ada accepts the direct chat late, and reads hello and welcome', async () => {
    const ada = await stage.cast.person('newcomer')
    await stage.pause(offeredAt + lateMs, 'Ada looks at her phone half a minute later')
    const [direct] = directRooms()
    stage.expect(direct !== undefined, 'there is no direct chat')
    await ada.joinRoom(direct)
    const hello = await stage.message(ada, direct, { sender: bot.userId, body: /^Hello Ada/ })
    const welcome = await stage.message(ada, direct, { sender: bot.userId, body: /Your account is ready/ })
    const order = ada.timeline(direct).map((message) => message.eventId)
    stage.expect(order.indexOf(hello.eventId) < order.indexOf(welcome.eventId), 'the welcome came before the hello')
    stage.expect(hello.encrypted && welcome.encrypted, 'they came in clear')
    const [account] = accounts()
    const recovery = account === undefined ? undefined : authentik.state.recoveryKeys.get(account.pk)
    stage.expect(recovery !== undefined && welcome.body.includes(recovery.key), "the welcome does not hold Authentik's recovery link")
    stage.expect(account !== undefined && welcome.body.includes(account.username), 'the welcome does not tell the username')
    stage.secrets.set('the first recovery link', recovery.key)
    const moderator = await stage.cast.person('moderator')
    const leaked = moderator.timeline().filter((message) => message.body.includes(recovery.key))
    stage.expect(leaked.length === 0, 'the moderator can read the recovery link')
    return 'her own client decrypts both, in this order; the recovery link is the one Authentik holds, and Mo cannot see it'
  })

  await stage.step('Ada has arrived, so she leaves INDOC with a good-bye', async () => {
    const moderator = await stage.cast.person('moderator')
    const kick = await stage.until('the bot takes her out of INDOC', () =>
      database
        .events({ roomId: indoc, sender: bot.userId, type: 'm.room.member', stateKey: newcomer.userId })
        .find((event) => event.content.membership === 'leave'),
    )
    const goodBye = await stage.message(moderator, indoc, {
      sender: bot.userId,
      fits: (message) => message.mentions.includes(newcomer.userId) && /arrived/.test(message.body),
    })
    const order = database.events(indoc).map((event) => event.event_id)
    stage.expect(order.indexOf(goodBye.eventId) < order.indexOf(kick.event_id), 'the good-bye came after the removal')
    stage.expect(typeof kick.content.reason === 'string', 'the removal gives no reason')
    return `good-bye with a mention, then removed with the reason “${kick.content.reason}”`
  })

  await stage.step('Ada accepts the invitations to the rooms', async () => {
    const ada = await stage.cast.person('newcomer')
    for (const room of ada.rooms('invite')) await ada.joinRoom(room)
    const joined = rooms.catalogue.filter((room) => stage.membership(room.roomId, newcomer.userId) === 'join').map(({ name }) => name)
    stage.expect(joined.includes('Hiking'), 'she is not in Hiking')
    return `she is in ${joined.join(', ')}`
  })

  await stage.step('Mo invites Noa to a room, and asks for a second welcome for Ada', async () => {
    await stage.ask('moderator', indoc, `!addto Hiking ${users.freshNewcomer.userId}`)
    const membership = stage.membership(rooms.id('Hiking'), users.freshNewcomer.userId)
    stage.expect(membership === 'invite', `Noa is ${membership ?? 'not invited'}`)
    const ada = await stage.cast.person('newcomer')
    const [direct] = directRooms()
    const last = ada.timeline(direct).at(-1)
    stage.expect(direct !== undefined && last !== undefined, 'Ada has no direct chat')
    await stage.ask('moderator', rooms.admin, `!welcome ${newcomer.userId}`)
    await stage.message(ada, direct, { sender: bot.userId, after: last.eventId, body: /Welcome to Riverbend Makers/ })
    stage.expect(new Set(directRooms()).size === 1, 'a second direct chat was opened')
    return 'Noa is invited; Ada reads another welcome in the same chat'
  })
}
