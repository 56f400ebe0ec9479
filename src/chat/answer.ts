import type { RoomId, UserId } from '../types.ts'

/** A piece of a line. Text is escaped where it is rendered: pass user data as it is. */
export type Inline =
  | string
  | { readonly bold: string }
  | { readonly italic: string }
  | { readonly code: string }
  | /** A pill. It notifies only if the id is also in `Answer.mentions`. */ { readonly user: UserId; readonly name?: string }
  | /** A link to a room; `via` = servers to join through. */ {
      readonly room: RoomId
      readonly name: string
      readonly via: readonly string[]
    }
  | { readonly link: string; readonly text?: string }

export type Block =
  | { readonly paragraph: readonly Inline[] }
  | { readonly list: readonly (readonly Inline[])[]; /** First number; absent = bullets. */ readonly start?: number }
  | { readonly preformatted: string }

/** Every mark has words beside it. */
export type Mark = '✅' | '⚠️' | '❌' | '❔'

/** What a command says. */
export interface Answer {
  /** Absent for plain answers to questions. */
  readonly mark?: Mark
  readonly blocks: readonly Block[]
  /** People to notify; default nobody. */
  readonly mentions?: readonly UserId[]
  /** `personal` answers never stand in INDOC: they go by DM to the asker ("sent privately"). Default `public`. */
  readonly privacy?: 'public' | 'personal'
  /** What INDOC may read of a `personal` answer, beside that it was sent privately. */
  readonly inPublic?: readonly Block[]
  /** People of a numbered list, in its order: the asker can name them by row (`!gtg 2`) or all by the list's handle for 15 minutes. */
  readonly rows?: readonly UserId[]
  /** Stable word for audit and `!why`, such as `ok`, `not-found`, `no-power`. */
  readonly code: string
}

/** Short form for a paragraph. */
export const paragraph = (...inlines: readonly Inline[]): Block => ({ paragraph: inlines })
/** Short form for a bullet list. */
export const bullets = (...items: readonly (readonly Inline[])[]): Block => ({ list: items })
