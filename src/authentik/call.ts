import type { z } from 'zod'
import type { Gate, GateRequest, Method } from '../http/contract.ts'
import { type AuthentikResult, done, fromGate } from './errors.ts'
import { pageSchema } from './schemas.ts'

/** One call below `/api/v3`. */
export interface Call {
  readonly method: Method
  /** Below `/api/v3`, beginning and ending with `/`: without the last slash Authentik answers as if the call did not exist. */
  readonly path: `/${string}/` | '/'
  /** Name for metrics, without ids. */
  readonly route: string
  readonly query?: GateRequest['query']
  readonly body?: unknown
  /** A second time does no harm. Reads always count as repeatable. */
  readonly repeatable?: boolean
  readonly signal?: AbortSignal | undefined
  /** Long = part of a background copy, may take its time. */
  readonly patience?: 'long'
}

/** Limits of time in milliseconds. A moderator gets an answer within 5 s when Authentik hangs, so reads end before that. */
export interface Patience {
  readonly readMs: number
  readonly writeMs: number
  readonly longMs: number
}

/** How the parts of the client reach Authentik. */
export interface Caller {
  /** Calls and checks the answer against the schema. */
  readonly ask: <Schema extends z.ZodType>(call: Call, schema: Schema) => Promise<AuthentikResult<z.infer<Schema>>>
  /** Calls something that answers 204. */
  readonly tell: (call: Call) => Promise<AuthentikResult<undefined>>
  /** Yields the pages of a list, a failure last if there is one. */
  readonly pages: <Item extends z.ZodType>(call: Omit<Call, 'method'>, item: Item) => AsyncGenerator<AuthentikResult<Page<z.infer<Item>>>>
  /** All items of a list, without doubles. */
  readonly list: <Item extends z.ZodType>(
    call: Omit<Call, 'method'>,
    item: Item,
    key: (item: z.infer<Item>) => string | number,
  ) => Promise<AuthentikResult<readonly z.infer<Item>[]>>
}

/** One page of a list. */
export interface Page<Item> {
  readonly items: readonly Item[]
  /** Items in the whole list, as of this page. */
  readonly count: number
}

/** Authentik never gives more than 100 a page (`pagination_max_page_size`); a larger wish is cut without a word. */
const pageSize = 100
/** More pages than any community has: a list that does not end is a fault. */
const pageCeiling = 1_000

/** Builds the caller on a gate. */
export const createCaller = (gate: Gate, token: string, patience: Patience): Caller => {
  const send = (call: Call) => {
    const time = call.patience === 'long' ? patience.longMs : call.method === 'GET' ? patience.readMs : patience.writeMs
    return gate.request({
      method: call.method,
      path: `/api/v3${call.path}`,
      route: call.route,
      ...(call.query === undefined ? {} : { query: call.query }),
      ...(call.body === undefined ? {} : { body: call.body }),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
      token,
      // Permission and validation texts follow the language; two of them are compared.
      headers: { 'accept-language': 'en' },
      repeatable: call.method === 'GET' || call.repeatable === true,
      timeoutMs: time,
      deadlineMs: call.patience === 'long' ? time * 4 : time,
      maxWaitMs: call.patience === 'long' ? 15_000 : 2_000,
    })
  }

  const ask: Caller['ask'] = async (call, schema) => {
    const result = await send(call)
    if (!result.ok) return fromGate(result)
    const parsed = schema.safeParse(result.body)
    if (parsed.success) return done(parsed.data)
    const where = parsed.error.issues[0]?.path.join('.') ?? ''
    return {
      ok: false,
      code: 'malformed',
      changed: call.method === 'GET' ? 'no' : 'maybe',
      text: `Authentik's answer has not the expected form (${call.route}${where === '' ? '' : `, at ${where}`})`,
    }
  }

  const tell: Caller['tell'] = async (call) => {
    const result = await send(call)
    return result.ok ? done(undefined) : fromGate(result)
  }

  const pages: Caller['pages'] = async function* (call, item) {
    const schema = pageSchema(item)
    for (let page = 1; page <= pageCeiling;) {
      const result = await ask({ ...call, method: 'GET', query: { ...call.query, page, page_size: pageSize } }, schema)
      if (!result.ok) {
        // The list shrank while it was read: what would have been on this page is gone.
        if (result.code === 'not-found' && page > 1) return
        yield result
        return
      }
      const { pagination, results } = result.value
      yield done({ items: results, count: pagination.count })
      if (pagination.next === 0) return
      if (pagination.next <= page) break
      page = pagination.next
    }
    yield { ok: false, code: 'malformed', changed: 'no', text: `the list of Authentik does not end (${call.route})` }
  }

  const list = async <Item extends z.ZodType>(
    call: Omit<Call, 'method'>,
    item: Item,
    key: (item: z.infer<Item>) => string | number,
  ): Promise<AuthentikResult<readonly z.infer<Item>[]>> => {
    const items = new Map<string | number, z.infer<Item>>()
    for await (const page of pages(call, item)) {
      if (!page.ok) return page
      for (const one of page.value.items) items.set(key(one), one)
    }
    return done(Array.from(items.values()))
  }

  return { ask, tell, pages, list }
}
