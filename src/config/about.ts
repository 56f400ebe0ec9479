import { z } from 'zod'

/** What the loader and the generated documents need to know about one key, beside its schema. */
export interface About {
  /** One or two plain sentences for operators. */
  readonly text: string
  /** The kind of value in words, such as `duration` or `user id`. */
  readonly kind: string
  /** How the value is read from an environment variable. */
  readonly from: 'text' | 'number' | 'boolean' | 'list' | 'json'
  /** Value for `bot.config.example.yaml`. A key without a default shows it as something to fill in. */
  readonly example?: unknown
  /** What applies when the key is left out and the schema itself has no default, in words. */
  readonly otherwise?: string
  /** The value is secret: never printed, and `…_FILE` names a file that holds it. */
  readonly secret?: true
  /** The value is a path; relative ones start at the working directory. */
  readonly path?: true
}

/** Notes on the leaves of the schema. Kept beside the schemas so that one declaration gives parsing, environment and documents. */
export const abouts = z.registry<About>()

/** Notes on the sections: one sentence that introduces each. */
export const sections = z.registry<{ readonly text: string }>()
