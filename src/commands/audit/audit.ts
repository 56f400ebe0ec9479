import { paragraph } from '../../chat/answer.ts'
import type { Answer, Inline } from '../../chat/answer.ts'
import type { AuditRow } from '../../audit/audit.ts'
import type { ReadCommand } from '../../chat/command.ts'
import type { Timestamp, UserId } from '../../types.ts'
import { ago, pageSize, refusal } from '../words.ts'
import { auditDeclaration } from './declaration.ts'

export interface AuditPorts {
  /** `Audit.list`: newest first. */
  readonly list: (filter: {
    readonly actor?: UserId
    readonly command?: string
    readonly code?: string
    readonly notBefore?: Timestamp
    readonly limit: number
    readonly offset: number
  }) => readonly AuditRow[]
  readonly nameOf: (userId: UserId) => string
}

/** Arguments are shown up to this many characters. */
const longestArguments = 200

/** `{"users":["@ada:example.org"],"ban":true}` → `users=@ada:example.org ban`. Personal values were masked when the row was written. */
const argumentWords = (stored: string): string => {
  const parsed: unknown = JSON.parse(stored)
  if (typeof parsed !== 'object' || parsed === null) return ''
  const words = Object.entries(parsed)
    .map(([name, value]) => (value === true ? name : `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`))
    .join(' ')
  return words.length <= longestArguments ? words : `${words.slice(0, longestArguments)}…`
}

const rowOf = (row: AuditRow, ports: AuditPorts, now: Timestamp): readonly Inline[] => {
  const given = argumentWords(row.arguments)
  return [
    `${ago(row.at, now)} · `,
    { bold: ports.nameOf(row.actor) },
    ' · ',
    { code: row.command === '' ? '(unreadable)' : row.command },
    ...(given === '' ? [] : [' ', { code: given }]),
    ` · ${row.outcome}: ${row.code}`,
    ...(row.detail === null || row.detail === '' ? [] : [` (${row.detail})`]),
  ]
}

/** `!audit`: who did what and what came of it, newest first. Refusals too. */
export const createAuditCommand = (ports: AuditPorts): ReadCommand => ({
  declaration: auditDeclaration,
  answer: ({ arguments: given, now }): Answer => {
    const by = given.user('by')
    if (by !== undefined && by.userId === undefined)
      return refusal('no-matrix-user', `${by.name} has no linked Matrix user, so there is nothing in the audit.`)
    const command = given.text('command')?.replace(/^\W+/, '').toLowerCase()
    const since = given.number('since')
    const page = given.number('page') ?? 1
    const code = given.text('code')
    const found = ports.list({
      ...(by?.userId === undefined ? {} : { actor: by.userId }),
      ...(command === undefined ? {} : { command }),
      ...(code === undefined ? {} : { code }),
      ...(since === undefined ? {} : { notBefore: now - since }),
      // One more tells whether there is another page.
      limit: pageSize + 1,
      offset: (page - 1) * pageSize,
    })
    const [rows, more] = [found.slice(0, pageSize), found.length > pageSize]
    if (rows.length === 0) {
      return { blocks: [paragraph(page === 1 ? 'Nothing in the audit fits.' : `There is no page ${page}.`)], code: 'none' }
    }
    const footer =
      more || page > 1 ? [paragraph(`Page ${page}.`, ...(more ? [' More: the same with ', { code: `--page ${page + 1}` }] : []))] : []
    return { blocks: [{ list: rows.map((row) => rowOf(row, ports, now)) }, ...footer], code: 'ok' }
  },
})
