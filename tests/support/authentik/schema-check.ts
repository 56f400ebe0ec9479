import { Ajv, type ValidateFunction } from 'ajv'
import addFormatsModule from 'ajv-formats'
import { type Piece, schemaDocument } from './schema-document.ts'

/** A request as it came in; `path` is below `/api/v3`, still encoded. */
export interface CheckedRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  /** Parsed JSON, undefined when there was no body. */
  readonly body: unknown
}

const asPiece = (value: unknown): Piece => (typeof value === 'object' && value !== null ? (value as Piece) : {})

/** The name at the end of a `$ref`. */
const refName = (ref: unknown): string => String(ref).split('/').at(-1) ?? ''

// The default export of a CommonJS module, whose types say something else.
const addFormats = addFormatsModule as unknown as (ajv: Ajv) => void

const ajv = new Ajv({ strict: false, allErrors: true, logger: false })
addFormats(ajv)

/**
 * OpenAPI 3.0 to JSON schema: `nullable`, references by name, and `""` where Authentik has no e-mail address.
 * Request schemas are closed, so that a typo or a `password` in `UserRequest` is found.
 */
const transform = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(transform)
  if (typeof value !== 'object' || value === null) return value
  const { nullable, ...rest } = value as Piece
  let piece: Piece = Object.fromEntries(
    Object.entries(rest).map(([key, inner]) => [key, key === '$ref' ? refName(inner) : transform(inner)]),
  )
  if (piece['format'] === 'email') piece = { anyOf: [{ const: '' }, piece] }
  return nullable === true ? { anyOf: [{ type: 'null' }, piece] } : piece
}

/** Where real servers differ from the document, seen in recordings. */
const corrected = (name: string, schema: Piece): Piece => {
  const properties = asPiece(schema['properties'])
  const without = (...names: string[]) => ((schema['required'] ?? []) as string[]).filter((one) => !names.includes(one))
  if (name === 'Invitation')
    return { ...schema, properties: { ...properties, flow_obj: { anyOf: [{ type: 'null' }, properties['flow_obj']] } } }
  // Both came with 2026.8; the servers imitated here are older.
  if (name === 'SessionUser') return { ...schema, required: without('users') }
  if (name === 'UserSelf') return { ...schema, required: without('is_current') }
  // An unknown browser has null for its version, and a user agent may be empty.
  if (name === 'AuthenticatedSession') return { ...schema, properties: { ...properties, user_agent: { type: 'object' } } }
  if (name === 'ValidationError') return { ...schema, properties: {} }
  if (name.endsWith('Request') && schema['type'] === 'object' && schema['additionalProperties'] === undefined) {
    return { ...schema, additionalProperties: false }
  }
  return schema
}

const refsOf = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(refsOf)
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => (key === '$ref' ? [String(inner)] : refsOf(inner)))
}

/** Names of components that are in Ajv, and those that must be. */
const loaded = new Set<string>()
const needed = new Set<string>()

const compiled = new Map<string, ValidateFunction>()

/** Compiles a schema and, before it, everything it refers to; nothing else of the document. */
const validator = (schema: Piece): ValidateFunction => {
  const key = JSON.stringify(schema)
  const known = compiled.get(key)
  if (known !== undefined) return known
  const plain = transform(schema)
  for (const ref of refsOf(plain)) needed.add(ref)
  // Adding before compiling: Ajv resolves references when it compiles, and components may refer to each other.
  for (const name of needed) {
    if (loaded.has(name)) continue
    loaded.add(name)
    const component = schemaDocument().component(name)
    if (component === undefined) throw new Error(`@goauthentik/api has no schema ${name}`)
    const prepared = corrected(name, transform(component) as Piece)
    ajv.addSchema({ ...prepared, $id: name }, name)
    for (const ref of refsOf(prepared)) needed.add(ref)
  }
  const validate = ajv.compile(plain as Piece)
  compiled.set(key, validate)
  return validate
}

const problems = (what: string, schema: Piece, value: unknown): string[] => {
  const validate = validator(schema)
  if (validate(value)) return []
  return (validate.errors ?? []).map(
    (error) =>
      `${what}${error.instancePath} ${error.message ?? error.keyword}${error.keyword === 'additionalProperties' ? ` (${String(error.params['additionalProperty'])})` : ''}`,
  )
}

const segments = (path: string): string[] => path.split('/')

const templates = new Map<number, readonly string[][]>()

/** The template of the document that a path fits, the one with the most literal segments first (`/core/users/me/` before `{id}`). */
export const templateOf = (path: string): string | undefined => {
  const parts = segments(path)
  let candidates = templates.get(parts.length)
  if (candidates === undefined) {
    candidates = schemaDocument()
      .paths.map(segments)
      .filter((one) => one.length === parts.length)
    templates.set(parts.length, candidates)
  }
  const fitting = candidates.filter((one) => one.every((segment, index) => segment.startsWith('{') || segment === parts[index]))
  const literals = (one: string[]): number => one.filter((segment) => !segment.startsWith('{')).length
  return fitting.toSorted((left, right) => literals(right) - literals(left))[0]?.join('/')
}

const typed = (text: string, schema: Piece): unknown => {
  const type = schema['type']
  if (type === 'integer' || type === 'number') return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  return text
}

/** What is wrong with a request, by the document; an empty list is a clean bill. */
export const checkRequest = (request: CheckedRequest): readonly string[] => {
  const template = templateOf(request.path)
  if (template === undefined) return [`${request.path} is no path of the API (each ends in "/")`]
  const operation = asPiece(schemaDocument().path(template)[request.method.toLowerCase()])
  if (Object.keys(operation).length === 0) return [`${template} has no ${request.method}`]
  const found: string[] = []
  const parameters = ((operation['parameters'] ?? []) as Piece[]).map((one) =>
    one['$ref'] === undefined ? one : asPiece(schemaDocument().parameter(refName(one['$ref']))),
  )
  for (const name of new Set(request.query.keys())) {
    const parameter = parameters.find((one) => one['in'] === 'query' && one['name'] === name)
    const values = request.query.getAll(name)
    if (parameter === undefined) found.push(`query ${name} is unknown`)
    // Authentik drops a filter without a value: the answer would be everything.
    else if (values.includes('')) found.push(`query ${name} is empty`)
    else {
      const schema = asPiece(parameter['schema'])
      const list = schema['type'] === 'array'
      const value = list ? values.map((one) => typed(one, asPiece(schema['items']))) : typed(values[0] ?? '', schema)
      found.push(...problems(`query ${name}`, schema, value))
      if (!list && values.length > 1) found.push(`query ${name} comes more than once`)
    }
  }
  const given = asPiece(operation['requestBody'])
  const schema = asPiece(asPiece(asPiece(given['content'])['application/json'])['schema'])
  if (request.body === undefined) {
    if (given['required'] === true) found.push('the body is missing')
  } else if (Object.keys(schema).length === 0) found.push('no body is expected')
  else found.push(...problems('body', schema, request.body))
  return found
}

/** Statuses that real servers send although the document does not name them. */
const undeclared = new Set([401, 403, 404, 405, 406, 415, 429])

/** What is wrong with an answer, by the document. */
export const checkResponse = (method: string, path: string, status: number, body: unknown): readonly string[] => {
  const template = templateOf(path)
  if (template === undefined) return []
  const operation = asPiece(schemaDocument().path(template)[method.toLowerCase()])
  if (Object.keys(operation).length === 0 || status >= 500) return []
  const named = asPiece(asPiece(operation['responses'])[String(status)])
  const response = named['$ref'] === undefined ? named : asPiece(schemaDocument().response(refName(named['$ref'])))
  if (Object.keys(named).length === 0) return undeclared.has(status) ? [] : [`status ${status} is not declared`]
  const schema = asPiece(asPiece(asPiece(response['content'])['application/json'])['schema'])
  if (Object.keys(schema).length === 0) return body === undefined || status >= 400 ? [] : ['no body is expected']
  // Some 400s are a bare list of texts, or empty.
  if (status === 400 && (Array.isArray(body) || body === undefined)) return []
  return problems('answer', schema, body)
}
