import type { Generated } from 'kysely'
import type { EventId, RoomId, Timestamp, UserId } from '../types.ts'

/** Membership of a person in a room (spec: `m.room.member`). */
export type Membership = 'join' | 'invite' | 'knock' | 'leave' | 'ban'
type Flag = 0 | 1

export interface MetaTable {
  name: string
  value: string
}

export interface SealedTable {
  name: string
  value: Uint8Array
  updated_at: Timestamp
}

export interface CryptoDatabaseTable {
  name: string
  version: number
  definition: string
}

export interface CryptoObjectTable {
  database: string
  store: string
  key: Uint8Array
  value: Uint8Array
}

export interface CryptoAreaTable {
  id: Generated<number>
  database: string
  store: string
  /** '' = the object store itself. */
  index_name: string
}

export interface EncryptedRoomTable {
  room_id: RoomId
  algorithm: string
  rotation_period_ms: number | null
  rotation_messages: number | null
  seen_at: Timestamp
}

export interface RoomTable {
  room_id: RoomId
  own_membership: Membership
  name: string | null
  topic: string | null
  canonical_alias: string | null
  /** `m.space` for spaces. */
  room_type: string | null
  room_version: string | null
  /** JSON array of user ids that created the room (room v12: these are above every power level). */
  creators: Generated<string>
  join_rule: string | null
  history_visibility: string | null
  /** JSON content of `m.room.power_levels`; null = the event is absent. */
  power_levels: string | null
  replacement_room: string | null
  joined_count: number | null
  invited_count: number | null
  /** 1 = the membership list has to be fetched again. */
  dirty: Generated<Flag>
  baseline_at: Timestamp | null
  updated_at: Timestamp
}

export interface MemberTable {
  room_id: RoomId
  user_id: UserId
  membership: Membership
  display_name: string | null
  event_id: EventId | null
  updated_at: Timestamp
}

/** Which place of which Megolm session was read as which event. */
export interface ReadMessageTable {
  session_id: string
  message_index: number
  event_id: EventId
  read_at: Timestamp
}

/** A message that was given up because its key did not come. */
export interface UnreadMessageTable {
  event_id: EventId
  session_id: string
  room_id: RoomId
  sender: UserId
  event: string
  late: 0 | 1
  received_at: Timestamp
  given_up_at: Timestamp
}

export interface JournalTable {
  event_id: EventId
  sequence: number
  room_id: RoomId
  sender: UserId
  kind: 'message' | 'invite' | 'member'
  /** The raw event as it came. */
  event: string
  /** 1 = it was sent while the bot was away. */
  late: Flag
  state: 'pending' | 'running' | 'waiting' | 'done'
  note: string | null
  received_at: Timestamp
  done_at: Timestamp | null
}

export interface OutboxTable {
  txn_id: string
  sequence: number
  room_id: RoomId
  type: string
  content: string
  state: 'queued' | 'sent' | 'failed'
  attempts: Generated<number>
  event_id: EventId | null
  error: string | null
  created_at: Timestamp
  updated_at: Timestamp
}

export interface PlanTable {
  plan_id: Generated<number>
  event_id: EventId
  command: string
  asker: UserId
  room_id: RoomId
  answer_to: EventId
  summary: string
  details: string
  state: 'confirming' | 'running' | 'done' | 'expired' | 'cancelled'
  created_at: Timestamp
  finished_at: Timestamp | null
}

export interface EffectTable {
  plan_id: number
  step: number
  kind: string
  planned: string
  state: 'planned' | 'intended' | 'done' | 'skipped' | 'failed' | 'unknown'
  code: string | null
  detail: string | null
  data: string | null
  intended_at: Timestamp | null
  finished_at: Timestamp | null
}

export interface ConfirmationTable {
  code: string
  plan_id: number
  asker: UserId
  room_id: RoomId
  expires_at: Timestamp
  answered_at: Timestamp | null
  answered_by_event: EventId | null
}

export interface JobTable {
  job_id: Generated<number>
  kind: string
  unique_key: string
  payload: string
  progress: Generated<string>
  state: 'waiting' | 'running' | 'done' | 'dead' | 'cancelled'
  run_at: Timestamp
  attempts: Generated<number>
  last_error: string | null
  created_by: string | null
  created_at: Timestamp
  updated_at: Timestamp
}

export interface DirectRoomTable {
  room_id: RoomId
  user_id: UserId
  origin: 'made' | 'adopted'
  created_at: Timestamp
}

export interface DirectIntentTable {
  user_id: UserId
  marker: string
  intended_at: Timestamp
}

export interface LinkTable {
  user_id: UserId
  account_pk: number
  username: string
  proven: Generated<Flag>
  created_by: string
  created_at: Timestamp
}

export interface AccountTable {
  pk: number
  username: string
  username_folded: string
  name: string
  email: string
  email_folded: string
  type: string
  is_active: Flag
  is_superuser: Flag
  /** JSON array of group uuids. */
  groups: Generated<string>
  matrix_id: string | null
  /** As Authentik writes it; null = never. */
  last_login: string | null
  seen_at: Timestamp
}

export interface PendingLinkTable {
  account_pk: number
  username: string
  name: string
  wish: string
  code_hash: string | null
  asked_by: UserId
  created_at: Timestamp
  expires_at: Timestamp
}

export interface NewcomerTable {
  user_id: UserId
  came: 'join' | 'knock' | 'invite'
  state: 'waiting' | 'approved' | 'declined' | 'left'
  since: Timestamp
  prompted_at: Timestamp | null
  deadline: Timestamp | null
  reminded_at: Timestamp | null
  expired_at: Timestamp | null
  introduction: string | null
  introduced_at: Timestamp | null
  trust: string | null
  unreadable_at: Timestamp | null
  inviter_id: UserId | null
  vouch_txn: string | null
  vouched: 'yes' | 'no' | null
  decided_by: UserId | null
  decided_at: Timestamp | null
  decided_plan: number | null
  reason: string | null
}

export interface IntroductionMessageTable {
  event_id: EventId
  user_id: UserId
  body: string
  trust: string
  sent_at: Timestamp
}

export interface AuditTable {
  audit_id: Generated<number>
  at: Timestamp
  actor: UserId
  room_id: RoomId
  event_id: EventId
  command: string
  arguments: string
  outcome: string
  code: string
  detail: string | null
  plan: string | null
  outcomes: string | null
  answer_txn: string | null
  duration_ms: number
}

export interface PersonIdentityTable {
  user_id: UserId
  master_key: string
  other_key: string | null
  other_seen_at: Timestamp | null
  told_key: string | null
  /** `first-use`, an admin, or `operator`. */
  accepted_by: string
  accepted_at: Timestamp
}

export interface HeldCommandTable {
  code: string
  event_id: EventId
  command: string
  /** JSON, as resolved. */
  arguments: string
  dry_run: Flag
  asker: UserId
  room_id: RoomId
  reply_to: EventId | null
  expires_at: Timestamp
  confirmed_by_event: EventId | null
}

export interface BridgeAnswerTable {
  event_id: EventId
  body: string
  at: Timestamp
}

/** All tables; `migrations/` makes them. */
export interface Schema {
  meta: MetaTable
  sealed: SealedTable
  crypto_database: CryptoDatabaseTable
  crypto_object: CryptoObjectTable
  crypto_area: CryptoAreaTable
  encrypted_room: EncryptedRoomTable
  room: RoomTable
  member: MemberTable
  journal: JournalTable
  read_message: ReadMessageTable
  unread_message: UnreadMessageTable
  outbox: OutboxTable
  plan: PlanTable
  effect: EffectTable
  confirmation: ConfirmationTable
  job: JobTable
  direct_room: DirectRoomTable
  direct_intent: DirectIntentTable
  link: LinkTable
  account: AccountTable
  pending_link: PendingLinkTable
  newcomer: NewcomerTable
  introduction_message: IntroductionMessageTable
  audit: AuditTable
  person_identity: PersonIdentityTable
  held_command: HeldCommandTable
  bridge_answer: BridgeAnswerTable
}
