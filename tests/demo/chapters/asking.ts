import type { Stage } from '../stage.ts'

/** Commands that change nothing, and those that are refused. */
export const asking = async (stage: Stage): Promise<void> => {
  const { rooms, authentik } = stage.demo
  const { indoc, admin } = rooms

  const reads: readonly (readonly [string, string, RegExp])[] = [
    ['!ping', indoc, /pong/i],
    ['!help', indoc, /!adduser/],
    ['!whoami', indoc, /moderator/],
    ['!status', admin, /Authentik/],
    ['!rooms', indoc, /Hiking/],
  ]
  for (const [text, room, wanted] of reads) {
    await stage.step(`Mo asks ${text}`, async () => {
      const answer = await stage.withoutChange(async () => await stage.ask('moderator', room, text))
      stage.expect(wanted.test(answer.body), `the answer has nothing like ${String(wanted)}`)
      return 'answered, encrypted; nothing was changed on the servers'
    })
  }

  await stage.step('Ada, the newcomer, asks which rooms fit her', async () => {
    const answer = await stage.withoutChange(async () => await stage.ask('newcomer', indoc, '!recommend hiking, computers'))
    stage.expect(answer.body.includes('Hiking'), 'Hiking is not recommended')
    stage.expect(!answer.body.includes('Stewards'), 'a hidden room is named in INDOC')
    return 'answered with rooms that she may know'
  })

  await stage.step('Mo mistypes a command', async () => {
    const answer = await stage.withoutChange(async () => await stage.ask('moderator', indoc, '!aduser Ada'))
    stage.expect(answer.body.includes('adduser'), 'adduser is not suggested')
    return 'a suggestion, and nothing was changed'
  })

  await stage.step('Ada, who is no moderator, tries to add somebody', async () => {
    const accounts = authentik.state.users.size
    const answer = await stage.withoutChange(async () => await stage.ask('newcomer', indoc, '!adduser Eve'))
    stage.expect(authentik.state.users.size === accounts, 'an account was made')
    stage.expect(/moderator/.test(answer.body), 'the refusal does not name the reason')
    const why = await stage.withoutChange(async () => await stage.ask('newcomer', indoc, '!why', { replyTo: answer.eventId }))
    stage.expect(/moderator|role/i.test(why.body), '!why does not name the check that refused')
    return `refused, and !why names the check; ${authentik.state.users.size} accounts as before`
  })
}
