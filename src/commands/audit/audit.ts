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
    readonly limit: number
    readonly offset: number
  }) => readonly AuditRow[]
  readonly nameOf: (userId: UserId) => string
}

/** Rows read at once while looking for those that fit. */
const batch = 200
/** Arguments are shown up to this many characters. */
const longestArguments = 200

interface Wanted {
  readonly actor?: UserId
  readonly command?: string
  readonly code: string | undefined
  readonly notBefore: Timestamp | undefined
}

/** The rows of one page, and whether there are more. Reads no further than it has to. */
const collect = (
  ports: AuditPorts,
  { code, notBefore, ...filter }: Wanted,
  page: number,
): { readonly rows: readonly AuditRow[]; readonly more: boolean } => {
  const first = (page - 1) * pageSize
  const rows: AuditRow[] = []
  let fitting = 0
  for (let offset = 0; ; offset += batch) {
    const read = ports.list({ ...filter, limit: batch, offset })
    for (const row of read) {
      if (notBefore !== undefined && row.at < notBefore) return { rows, more: false }
      if (code !== undefined && row.code !== code) continue
      fitting += 1
      if (rows.length === pageSize) return { rows, more: true }
      if (fitting > first) rows.push(row)
    }
    if (read.length < batch) return { rows, more: false }
  }
}

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
    const { rows, more } = collect(
      ports,
      {
        ...(by?.userId === undefined ? {} : { actor: by.userId }),
        ...(command === undefined ? {} : { command }),
        code: given.text('code'),
        notBefore: since === undefined ? undefined : now - since,
      },
      page,
    )
    if (rows.length === 0) {
      return { blocks: [paragraph(page === 1 ? 'Nothing in the audit fits.' : `There is no page ${page}.`)], code: 'none' }
    }
    const footer =
      more || page > 1 ? [paragraph(`Page ${page}.`, ...(more ? [' More: the same with ', { code: `--page ${page + 1}` }] : []))] : []
    return { blocks: [{ list: rows.map((row) => rowOf(row, ports, now)) }, ...footer], code: 'ok' }
  },
})
