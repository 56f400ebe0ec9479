import type { ChangeCommand } from '../../chat/command.ts'
import type { PlannedStep } from '../../chat/effects.ts'
import type { Accounts } from '../../directory/accounts.ts'
import type { Directory } from '../../directory/directory.ts'
import type { Links } from '../../directory/links.ts'
import type { Scheduler } from '../../jobs/scheduler.ts'
import { suggest } from '../../chat/suggest.ts'
import { named, refusal } from '../../onboarding/authentik-reads.ts'
import type { Templates } from '../../onboarding/templates.ts'
import { welcomeJobOf } from '../../onboarding/bridges.ts'
import type { WelcomePayload } from '../../onboarding/welcome.ts'
import type { UserId } from '../../types.ts'
import { welcomeDeclaration } from './declaration.ts'

/** What `!welcome` may look at. */
export interface WelcomePorts {
  readonly links: Pick<Links, 'of'>
  readonly accounts: Pick<Accounts, 'get'>
  /** May new credentials be made for the person? With recovery links always; a passphrase replaces the old one. */
  readonly mayReset: (userId: UserId) => boolean
  /** Why only an admin may touch an account, in words that follow "it"; undefined = it is anybody's. */
  readonly protectedAccount: (pk: number) => string | undefined
  readonly scheduler: Pick<Scheduler, 'latest'>
  readonly directory: Pick<Directory, 'ownUserId' | 'displayName' | 'bridged'>
  readonly templates: Pick<Templates, 'welcomes' | 'render'>
}

/** What the person will read. Credentials are made when they are delivered: words stand in their place. */
const previewOf = ({ templates }: WelcomePorts, { name, account, template }: WelcomePayload): string =>
  (account === undefined
    ? templates.render('welcome', { name }, template)
    : templates.render(
        'welcome-with-credentials',
        { name, username: account.username, recoveryUrl: '(a link of their own)', lifetime: 'its time' },
        template,
      )
  ).body

/**
 * `!welcome`: sends the welcome DM, or sends it again. Credentials are those of the account that our own table links to the person, and go to
 * that person only; the room where the command was given never sees them.
 */
export const createWelcomeCommand = (ports: WelcomePorts): ChangeCommand => ({
  declaration: welcomeDeclaration,
  plan: (request) => {
    const template = request.arguments.text('template')
    const known = ports.templates.welcomes
    if (template !== undefined && !known.includes(template)) {
      const near = suggest(template, known)
      return refusal(
        'unknown-template',
        'Nothing was done: there is no welcome ',
        { code: template },
        ...(known.length === 0
          ? ['. A file ', { code: `welcome-${template}.md` }, ' in the folder of `templates.directory` makes one.']
          : [
              '. ',
              near.length === 0 ? 'There are ' : 'Did you mean ',
              ...named(near.length === 0 ? known : near),
              near.length === 0 ? '.' : '?',
            ]),
      )
    }
    const person = request.arguments.user('user')
    if (person === undefined) throw new Error('the declaration requires a user')
    const { userId } = person
    if (userId === undefined) {
      return refusal(
        'no-matrix-user',
        'Nothing was done: the account ',
        { code: person.account?.username ?? person.raw },
        ' is linked to no Matrix user. Name the Matrix user.',
      )
    }
    if (userId === ports.directory.ownUserId) return refusal('target-bot', 'That is me: I know my way around.')
    const link = ports.links.of(userId)
    const active = link === undefined || ports.accounts.get(link.pk)?.active !== false
    // A passphrase would be reset by it; that is for nobody of one's own or a higher role.
    const mine = ports.mayReset(userId)
    // As with `!reset`, which asks for a confirmation too.
    const guarded = link === undefined ? undefined : ports.protectedAccount(link.pk)
    const account = link !== undefined && active && mine && guarded === undefined ? { pk: link.pk, username: link.username } : undefined
    const payload: WelcomePayload = {
      userId,
      name: ports.directory.displayName(userId) ?? person.account?.username ?? userId,
      ...(account === undefined ? {} : { account }),
      invited: [],
      rooms: [],
      ...(template === undefined ? {} : { template }),
      askedBy: request.asker.userId,
    }
    const notes = [
      account !== undefined
        ? 'Credentials are delivered to the person only, never into a room.'
        : link === undefined
          ? 'No account is linked to this person, so the welcome carries no credentials.'
          : !active
            ? `The account ${link.username} is deactivated, so the welcome carries no credentials.`
            : guarded !== undefined
              ? `The account ${link.username} ${guarded}, so the welcome carries no credentials. An admin can give \`!reset\`.`
              : `${link.username} belongs to somebody with a role, whose password is not reset by a welcome: it carries no credentials.`,
    ]
    return {
      summary: person.name,
      steps: [step(ports, payload, account !== undefined)],
      notes,
      preview: previewOf(ports, payload),
      targets: [userId],
    }
  },
})

const step = (ports: WelcomePorts, payload: WelcomePayload, credentials: boolean): PlannedStep => {
  const { userId } = payload
  const job = welcomeJobOf(ports.directory, userId as UserId)
  const way = job === 'welcome' ? 'by encrypted DM' : 'over the bridge, else by e-mail or through you'
  const text = `welcome ${payload.name} ${way}${credentials ? ', with credentials' : ''}`
  const schedule: PlannedStep = {
    effect: { kind: 'job.schedule', job, uniqueKey: userId, payload: { ...payload }, delayMs: 0 },
    text,
  }
  const latest = ports.scheduler.latest(job, userId)
  if (latest === undefined || (latest.state !== 'waiting' && latest.state !== 'running')) return schedule
  const waiting = latest.lastError === null || latest.lastError === '' ? '' : ` (it ${latest.lastError})`
  if (credentials && !Object.hasOwn(latest.payload, 'account')) {
    return {
      ...schedule,
      blocked: {
        state: 'failed',
        code: 'other-welcome-waits',
        text: `another welcome, without credentials, waits as #${latest.jobId}${waiting}. Take it back with \`!cancel ${latest.jobId}\`, then give this command again`,
      },
    }
  }
  return {
    ...schedule,
    blocked: {
      state: 'skipped',
      code: 'already-scheduled',
      text: `is on its way already as #${latest.jobId}${waiting}; \`!retry ${latest.jobId}\` looks now`,
    },
  }
}
