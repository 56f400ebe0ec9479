import { json, type Reply } from './reply.ts'

/** Django's `page_size` and `page`, with Authentik's silent cut at 100. */
export const paginate = <Item>(
  items: readonly Item[],
  query: URLSearchParams,
  view: (item: Item) => unknown,
  autocomplete: Record<string, unknown>,
): Reply => {
  const wished = Number(query.get('page_size') ?? '20')
  const size = Number.isInteger(wished) && wished > 0 ? Math.min(wished, 100) : 20
  const pages = Math.max(1, Math.ceil(items.length / size))
  const asked = query.get('page') ?? '1'
  const page = asked === 'last' ? pages : Number(asked)
  if (!Number.isInteger(page) || page < 1 || page > pages) return json(404, { detail: 'Invalid page.' })
  const from = (page - 1) * size
  const shown = items.slice(from, from + size)
  return json(200, {
    pagination: {
      next: page < pages ? page + 1 : 0,
      previous: page - 1,
      count: items.length,
      current: page,
      total_pages: pages,
      start_index: shown.length === 0 ? 0 : from + 1,
      end_index: from + shown.length,
    },
    results: shown.map(view),
    autocomplete,
  })
}

/** Sorts by one of the fields, `-` first for descending; an unknown field changes nothing. */
export const order = <Item extends object>(
  items: readonly Item[],
  ordering: string | null,
  fields: readonly (keyof Item & string)[],
): Item[] => {
  const wish = ordering ?? ''
  const field = fields.find((one) => one === wish.replace(/^-/, ''))
  if (field === undefined) return [...items]
  const sign = wish.startsWith('-') ? -1 : 1
  return items.toSorted((left, right) => {
    const [a, b] = [left[field], right[field]]
    return a === b ? 0 : a < b ? -sign : sign
  })
}

/** `true` or `false`; anything else is no filter, as on the real server. */
export const flagFilter = (value: string | null): boolean | undefined => (value === 'true' ? true : value === 'false' ? false : undefined)

type Predicate<Item> = (item: Item) => boolean

const comparison = /^\s*([a-z_]+(?:\.[a-z_]+)*)\s*(=|!=|~|!~|startswith)\s*("(?:[^"\\]|\\.)*"|True|False|None|-?\d+)\s*/

/**
 * The query language AKQL, as much as a chat user's text could hit by chance or malice: comparisons joined by `and` and `or`.
 * @returns undefined when the text is no such expression: then it is searched as words
 */
const parseExpression = <Item extends object>(source: string, fields: readonly string[]): Predicate<Item> | undefined => {
  let rest = source
  let result: Predicate<Item> | undefined
  let joint: 'and' | 'or' | undefined
  for (;;) {
    const match = comparison.exec(rest)
    if (match === null) return undefined
    const [whole, path = '', operator, literal = ''] = match
    if (!fields.includes(path.split('.')[0] ?? '')) return undefined
    const isText = literal.startsWith('"')
    const wanted: unknown = isText
      ? (JSON.parse(literal) as string)
      : literal === 'True'
        ? true
        : literal === 'False'
          ? false
          : literal === 'None'
            ? null
            : Number(literal)
    if (operator !== '=' && operator !== '!=' && !isText) return undefined
    const value = (item: Item): unknown =>
      path
        .split('.')
        .reduce<unknown>(
          (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[key] : undefined),
          item,
        )
    const has = (item: Item): boolean => {
      const found = value(item)
      if (operator === '=' || operator === '!=') return found === wanted
      const lower = String(found).toLowerCase()
      return operator === 'startswith' ? lower.startsWith(String(wanted).toLowerCase()) : lower.includes(String(wanted).toLowerCase())
    }
    const one: Predicate<Item> = operator?.startsWith('!') === true ? (item) => !has(item) : has
    const before = result
    result = before === undefined ? one : joint === 'and' ? (item) => before(item) && one(item) : (item) => before(item) || one(item)
    rest = rest.slice(whole.length)
    if (rest.trim() === '') return result
    const next = /^(and|or)\s+/.exec(rest)
    if (next === null) return undefined
    joint = next[1] === 'and' ? 'and' : 'or'
    rest = rest.slice(next[0].length)
  }
}

/**
 * The `search` parameter: words, each contained in one of the fields; where the version has it, first tried as an expression.
 * A NUL is refused by the server.
 */
export const search = <Item extends object>(
  items: readonly Item[],
  wanted: string | null,
  fields: readonly (keyof Item & string)[],
  expressions: readonly string[] | undefined,
): Item[] | Reply => {
  if (wanted === null || wanted === '') return [...items]
  if (wanted.includes('\0')) return json(400, ['Null characters are not allowed.'])
  const expression = expressions === undefined ? undefined : parseExpression<Item>(wanted, expressions)
  if (expression !== undefined) return items.filter(expression)
  const words = wanted
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((word) => word !== '')
  return items.filter((item) => words.every((word) => fields.some((field) => String(item[field]).toLowerCase().includes(word))))
}
