import { z } from 'zod'
import { abouts, sections } from './about.ts'
import type { About } from './about.ts'
import { configSchema } from './schema.ts'

/** One key that holds a value. */
export interface Leaf {
  /** Such as `homeserver.userId`. */
  readonly key: string
  readonly path: readonly string[]
  /** Such as `GATEHOUSE_HOMESERVER_USER_ID`. */
  readonly variable: string
  readonly schema: z.ZodType
  readonly about: About
  /** The default as an operator would write it; undefined = none. */
  readonly preset: unknown
  readonly required: boolean
  /** The key of the optional section it belongs to: the leaf is required only where that section exists. */
  readonly within?: string
}

/** One level of the file. */
export interface Section {
  readonly key: string
  readonly path: readonly string[]
  readonly text: string
  readonly optional: boolean
  readonly children: readonly (Leaf | Section)[]
}

/** The environment variable of a key: `welcome.helloGap` → `GATEHOUSE_WELCOME_HELLO_GAP`. */
export const variableOf = (path: readonly string[]): string =>
  `GATEHOUSE_${path.map((part) => part.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()).join('_')}`

interface Unwrapped {
  readonly inner: z.core.$ZodType
  readonly optional: boolean
  readonly preset: unknown
}

const unwrap = (schema: z.core.$ZodType): Unwrapped => {
  let inner = schema
  let optional = false
  let preset: unknown
  for (;;) {
    if (inner instanceof z.ZodOptional) optional = true
    else if (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) preset = inner.def.defaultValue
    else return { inner, optional, preset }
    inner = inner.def.innerType
  }
}

const describeLeaf = (schema: z.ZodType, about: About, path: readonly string[], within: string | undefined): Leaf => {
  const { optional, preset } = unwrap(schema)
  const required = !optional && preset === undefined
  const leaf = { key: path.join('.'), path, variable: variableOf(path), schema, about, preset, required }
  return within === undefined ? leaf : { ...leaf, within }
}

const describe = (schema: z.ZodType, path: readonly string[], within: string | undefined): Leaf | Section => {
  const about = abouts.get(schema)
  if (about !== undefined) return describeLeaf(schema, about, path, within)
  const { inner, optional } = unwrap(schema)
  if (!(inner instanceof z.ZodObject)) throw new TypeError(`${path.join('.')} has no notes`)
  const key = path.join('.')
  const children = Object.entries(inner.shape as Record<string, z.ZodType>).map(([name, child]) =>
    describe(child, [...path, name], optional ? key : within),
  )
  return { key, path, text: sections.get(inner)?.text ?? '', optional, children }
}

/** Is it a level of the file rather than a value? */
export const isSection = (item: Leaf | Section): item is Section => 'children' in item

const flatten = (items: readonly (Leaf | Section)[]): readonly Leaf[] =>
  items.flatMap((item) => (isSection(item) ? flatten(item.children) : [item]))
const flattenSections = (items: readonly (Leaf | Section)[]): readonly Section[] =>
  items.flatMap((item) => (isSection(item) ? [item, ...flattenSections(item.children)] : []))

const root = describe(configSchema, [], undefined) as Section

/** The tree of the file, in the order of the schema. */
export const tree: readonly (Leaf | Section)[] = root.children
/** All keys that hold a value. */
export const leaves: readonly Leaf[] = flatten(tree)
/** All levels below the top. */
export const allSections: readonly Section[] = flattenSections(tree)
