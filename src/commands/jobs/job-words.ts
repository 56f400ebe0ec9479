import type { JobView } from '../../jobs/job.ts'
import type { UserId } from '../../types.ts'

const titles: Readonly<Record<string, string>> = {
  welcome: 'welcome',
  credentials: 'new credentials',
  arrival: 'rest of the arrival',
  invite: 'invitation to a room',
  graduation: 'graduation from INDOC',
  'introduction-prompt': 'asking for introductions',
  'introduction-deadline': 'waiting for the introduction',
  vouch: 'asking the inviter',
  'vouch-attribute': "noting the inviter's answer",
  command: 'saved command',
  invitation: 'answering an invitation',
  'authentik-mirror': 'reading the accounts of Authentik',
  'directory-reconcile': 'comparing the directory with the server',
  housekeeping: 'deleting what is old',
}

/** Work that belongs to the bot itself: it can be asked for now, and never be given up. */
export const isStanding = (kind: string): boolean => ['authentik-mirror', 'directory-reconcile', 'housekeeping'].includes(kind)

const own = (payload: JobView['payload'], name: string): string | undefined => {
  const value = Object.hasOwn(payload, name) ? payload[name] : undefined
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** What a job is about: `welcome for Ada (@ada:example.org)`, `saved command !adduser`. */
export const jobTitle = (job: Pick<JobView, 'kind' | 'payload'>, nameOf: (userId: UserId) => string): string => {
  const title = Object.hasOwn(titles, job.kind) ? (titles[job.kind] ?? job.kind) : job.kind
  const command = job.kind === 'command' ? own(job.payload, 'command') : undefined
  const userId = own(job.payload, 'userId')
  return `${title}${command === undefined ? '' : ` !${command}`}${userId === undefined ? '' : ` for ${nameOf(userId as UserId)}`}`
}
