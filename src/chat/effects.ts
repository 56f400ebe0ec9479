import type { RoomId, UserId } from '../types.ts'

/** An account in Authentik: known by its `pk`, or made by an earlier step of the same plan. */
export type AccountReference = { readonly pk: number; readonly username: string } | { readonly step: number; readonly username: string }

/**
 * One change on one target. A plan is a list of these and nothing else changes the world. `docs/effects.md` says for each kind its key,
 * how it is found again after a crash, and the window that remains. No effect holds a secret.
 */
export type Effect =
  | {
      readonly kind: 'account.create'
      readonly username: string
      readonly name: string
      readonly email: string
      readonly attributes: Readonly<Record<string, string | readonly string[] | boolean>>
      /** Linked in the same transaction that stores the outcome. */
      readonly userId?: UserId
    }
  | {
      readonly kind: 'account.attributes'
      readonly account: AccountReference
      readonly attributes: Readonly<Record<string, string | readonly string[] | boolean>>
    }
  | { readonly kind: 'account.group'; readonly account: AccountReference; readonly group: string; readonly groupName: string }
  | { readonly kind: 'account.link'; readonly account: AccountReference; readonly userId: UserId }
  | { readonly kind: 'account.deactivate'; readonly account: AccountReference }
  | { readonly kind: 'account.unlink'; readonly account: { readonly pk: number; readonly username: string }; readonly userId: UserId }
  | /** New credentials, made when they are delivered and sent to the person only. */ {
      readonly kind: 'account.credentials'
      readonly account: { readonly pk: number; readonly username: string }
      readonly userId: UserId
      readonly name: string
      /** Who is told when it reaches them later. */
      readonly askedBy: UserId
    }
  | /** Credentials and the code that links a Matrix user later, by DM to the moderator who hands them over. */ {
      readonly kind: 'account.hand-over'
      readonly account: AccountReference
      readonly name: string
      readonly deliverTo: UserId
      /** What the arrival does once the person has a Matrix user. */
      readonly wish: Readonly<Record<string, unknown>>
      /** Although it was handed over before. */
      readonly again?: true
    }
  | { readonly kind: 'user.suspend'; readonly userId: UserId }
  | { readonly kind: 'room.invite'; readonly roomId: RoomId; readonly userId: UserId; readonly reason?: string }
  | /** Puts a person of the own server into a room, by the Synapse admin API. */ {
      readonly kind: 'room.join'
      readonly roomId: RoomId
      readonly userId: UserId
    }
  | {
      readonly kind: 'room.kick'
      readonly roomId: RoomId
      readonly userId: UserId
      readonly reason?: string
      /** Takes an invitation back: whoever has accepted it meanwhile stays. */
      readonly onlyInvited?: true
    }
  | { readonly kind: 'room.ban'; readonly roomId: RoomId; readonly userId: UserId; readonly reason?: string }
  | { readonly kind: 'room.redact'; readonly roomId: RoomId; readonly userId: UserId; readonly limit: number }
  | {
      readonly kind: 'job.schedule'
      readonly job: 'welcome' | 'bridged-welcome' | 'graduation'
      readonly uniqueKey: string
      readonly payload: Readonly<Record<string, unknown>>
      readonly delayMs: number
    }
  | /** Notes who has decided about somebody in INDOC: the first one counts. `again`: the same is completed once more. */ {
      readonly kind: 'newcomer.decide'
      readonly userId: UserId
      readonly decision: 'approved' | 'declined'
      readonly by: UserId
      readonly reason?: string
      readonly again?: boolean
    }
  | { readonly kind: 'newcomer.extend'; readonly userId: UserId; readonly deadline: number }
  | /** A message in INDOC that mentions these people. */ {
      readonly kind: 'newcomer.post'
      readonly template: 'introduction-prompt' | 'declined'
      readonly userIds: readonly UserId[]
      readonly reason?: string
    }
  | { readonly kind: 'job.retry'; readonly jobId: number }
  | { readonly kind: 'job.cancel'; readonly jobId: number; readonly reason: string }
  | {
      readonly kind: 'invitation.create'
      readonly name: string
      /** Stands in `fixed_data` too: by it the invitation is found again. */
      readonly nonce: string
      readonly flow: { readonly pk: string; readonly slug: string }
      readonly expires: string
      readonly singleUse: boolean
      readonly fixedData: Readonly<Record<string, unknown>>
      /** Who gets the link, by DM. */
      readonly deliverTo: UserId
    }
  | {
      readonly kind: 'identity.trust'
      readonly userId: UserId
      /** Public master key that is accepted, and the one that was known. */
      readonly masterKey: string
      readonly before: string
      readonly by: UserId
    }
  | {
      readonly kind: 'invitation.delete'
      /** `fingerprintOf` the invitation's key: the key itself opens the invitation, so it is not stored. */
      readonly fingerprint: string
      readonly name: string
    }

/** One step of a plan. */
export interface PlannedStep {
  readonly effect: Effect
  /** What it does, in plain words with names: "invite Ada to Tech". */
  readonly text: string
  /** Steps (indexes into the plan) that must have succeeded before; the others run at the same time. */
  readonly after?: readonly number[]
  /** Already known at planning time not to work or not to be needed: reported, not run. */
  readonly blocked?: { readonly state: 'skipped' | 'failed'; readonly code: string; readonly text: string }
}

/** What a command intends to do. */
export interface Plan {
  /** One line: "remove Ada (@ada:example.org) from 20 rooms". */
  readonly summary: string
  readonly steps: readonly PlannedStep[]
  /** Shown above the steps: ages, guesses, what is left out. */
  readonly notes?: readonly string[]
  /** Milliseconds it will take with the server's rate limits, if known. */
  readonly estimateMs?: number
  /** The people acted on, for the rules on targets (self, bot, same or higher role). */
  readonly targets: readonly UserId[]
  readonly personal?: boolean
  /** Something in it was guessed: it is shown and confirmed before it runs, as destructive commands are. */
  readonly confirm?: boolean
  /** The text of a message that it will send, shown with the plan before it runs. No secret. */
  readonly preview?: string
  /** The number of the plan that this one takes back. */
  readonly undoes?: number
}

/** What came of one step. */
export interface Outcome {
  /** `skipped` = nothing to do (already so); `unknown` = could not be proven. */
  readonly state: 'done' | 'skipped' | 'failed' | 'unknown'
  /** Stable code: `done`, `already-member`, `banned`, `no-power`, `not-found`, `rate-limited`, `timeout`… */
  readonly code: string
  /** Plain words, with the next step where there is one. Never a secret. */
  readonly text: string
  /** For later steps and the renderer, such as `{pk: 12}`. Never a secret. */
  readonly data?: Readonly<Record<string, unknown>>
}
