import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { parse } from 'yaml'

/** A piece of an OpenAPI or JSON schema. */
export type Piece = { [key: string]: unknown }

/**
 * Authentik's OpenAPI document, read piece by piece. Parsing all of its 1.8 MB takes most of a second in every test process, so the text is
 * only cut at its indentation and a piece is parsed when it is asked for.
 */
export interface SchemaDocument {
  /** All path templates, such as `/core/users/{id}/`. */
  readonly paths: readonly string[]
  path(template: string): Piece
  component(name: string): Piece | undefined
  /** A reusable parameter, such as `QueryPage`. */
  parameter(name: string): Piece | undefined
  /** A reusable response, such as `GenericErrorResponse`. */
  response(name: string): Piece | undefined
}

const cut = (lines: readonly string[], from: number, to: number, depth: number): Map<string, string> => {
  const indent = ' '.repeat(depth)
  const pieces = new Map<string, string>()
  let name: string | undefined
  let start = from
  const end = (line: number): void => {
    if (name !== undefined) pieces.set(name, lines.slice(start, line).join('\n'))
  }
  for (let index = from; index < to; index += 1) {
    const line = lines[index] ?? ''
    if (!line.startsWith(indent) || line[depth] === ' ' || !line.endsWith(':')) continue
    end(index)
    name = line.slice(depth, -1)
    start = index + 1
  }
  end(to)
  return pieces
}

const read = (): SchemaDocument => {
  const text = readFileSync(createRequire(import.meta.url).resolve('@goauthentik/api/schema.yml'), 'utf8')
  const lines = text.split('\n')
  const section = (line: string, from = 0): number => {
    const found = lines.indexOf(line, from)
    if (found === -1) throw new Error(`schema.yml of @goauthentik/api has no line "${line}": its layout changed`)
    return found
  }
  const paths = section('paths:')
  const components = section('components:')
  const parts = cut(lines, components + 1, section('servers:', components), 2)
  const inner = (name: string): Map<string, string> => {
    const body = (parts.get(name) ?? '').split('\n')
    return cut(body, 0, body.length, 4)
  }
  const texts = {
    paths: cut(lines, paths + 1, components, 2),
    schemas: inner('schemas'),
    parameters: inner('parameters'),
    responses: inner('responses'),
  }
  const parsed = new Map<string, Piece | undefined>()
  const get = (kind: keyof typeof texts, name: string): Piece | undefined => {
    const key = `${kind} ${name}`
    if (!parsed.has(key)) {
      const piece = texts[kind].get(name)
      parsed.set(key, piece === undefined ? undefined : (parse(piece) as Piece))
    }
    return parsed.get(key)
  }
  return {
    paths: Array.from(texts.paths.keys()),
    path: (template) => get('paths', template) ?? {},
    component: (name) => get('schemas', name),
    parameter: (name) => get('parameters', name),
    response: (name) => get('responses', name),
  }
}

let document: SchemaDocument | undefined

/** The document of the installed `@goauthentik/api`, read once a process. */
export const schemaDocument = (): SchemaDocument => (document ??= read())
