import { z } from 'zod'
import type { JsonObject } from '../types.ts'

/**
 * Shapes of Authentik's answers, reduced to what the bot reads. Names are those of the API. Lenient on purpose: unknown keys are
 * dropped, unknown values of enumerations pass (new ones come with every release), and what only some versions send is optional.
 */

/** Any JSON object, handed on untouched: rebuilding it could lose keys, and `attributes` are written back whole. */
const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'must be an object',
)

/** The integer key of a user (`pk`), not its `uuid` or `uid`. */
const userPk = z.int().nonnegative()

export const userSchema = z.object({
  pk: userPk,
  username: z.string(),
  name: z.string(),
  is_active: z.boolean(),
  is_superuser: z.boolean(),
  /** `""` when there is none. */
  email: z.string().default(''),
  /** UUIDs of the groups. */
  groups: z.array(z.string()).default([]),
  attributes: jsonObject.default({}),
  /** `internal`, `external`, `service_account`, `internal_service_account`, and whatever comes. */
  type: z.string().default('internal'),
  path: z.string().default(''),
  uid: z.string().default(''),
  uuid: z.string().default(''),
  last_login: z.string().nullish(),
  date_joined: z.string().nullish(),
  last_updated: z.string().nullish(),
})

/** An account in Authentik. */
export type User = z.infer<typeof userSchema>

export const meSchema = z.object({
  user: z.object({
    pk: userPk,
    username: z.string(),
    name: z.string().default(''),
    is_active: z.boolean().default(true),
    is_superuser: z.boolean(),
    type: z.string().default(''),
    groups: z.array(z.object({ name: z.string(), pk: z.string() })).default([]),
    roles: z.array(z.object({ name: z.string(), pk: z.string() })).default([]),
    system_permissions: z.array(z.string()).default([]),
  }),
})

/** The account that the token belongs to. */
export type Me = z.infer<typeof meSchema>['user']

export const versionSchema = z.object({ version_current: z.string() })

export const groupSchema = z.object({
  pk: z.string(),
  name: z.string(),
  is_superuser: z.boolean(),
  attributes: jsonObject.default({}),
  /** From 2025.12 on; members of a group belong to its parents too. */
  parents: z.array(z.string()).default([]),
  /** Before 2025.12. */
  parent: z.string().nullish(),
})

/** A group. Its members are not read: with a thousand of them the answer is long, and users name their groups. */
export type Group = z.infer<typeof groupSchema>

export const flowSchema = z.object({
  pk: z.string(),
  slug: z.string(),
  name: z.string(),
  title: z.string().default(''),
  /** `enrollment`, `recovery`, … */
  designation: z.string(),
})

/** A flow. */
export type Flow = z.infer<typeof flowSchema>

export const invitationStageSchema = z.object({
  pk: z.string(),
  name: z.string(),
  continue_flow_without_invitation: z.boolean().default(false),
  flow_set: z.array(z.object({ slug: z.string() })).default([]),
})

export const invitationSchema = z.object({
  pk: z.string(),
  name: z.string(),
  /** Time of expiry; null on servers that know invitations without one. */
  expires: z.string().nullish(),
  fixed_data: jsonObject.default({}),
  single_use: z.boolean().default(false),
  /** UUID of the flow; null opens any enrolment flow. */
  flow: z.string().nullish(),
  flow_obj: z.object({ slug: z.string() }).nullish(),
  created_by: z.object({ pk: userPk, username: z.string() }).nullish(),
})

/** An invitation. */
export type Invitation = z.infer<typeof invitationSchema>

export const linkSchema = z.object({ link: z.string() })

export const deletedSchema = z.object({ deleted: z.int().nonnegative() })

/** One page of a list. `next` is a page number, 0 on the last page, never a URL. */
export const pageSchema = <Item extends z.ZodType>(item: Item) =>
  z.object({
    pagination: z.object({ next: z.int().nonnegative(), count: z.int().nonnegative() }),
    results: z.array(item),
  })
