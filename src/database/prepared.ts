import type { Compilable, CompiledQuery } from 'kysely'

/** A place in a query for a value that is given when it runs. */
class Place {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/** What is given when a prepared query runs, by name. */
export type Given = Readonly<Record<string, string | number | null>>

/** A query that was built and compiled once; only its values change. */
export interface Prepared<Values extends Given, Query extends Compilable> {
  /** Its statement with these values. */
  readonly of: (values: Values) => Ready<Query>
}

/** A statement and its values. */
export interface Ready<Query extends Compilable> {
  readonly sql: string
  readonly parameters: readonly unknown[]
  /** Never there: only its type is used, for the rows. */
  readonly query?: Query
}

/**
 * Builds a query once. Kysely takes longer to build a query than SQLite to answer a small one, so those of every message are prepared.
 *
 * @param build gets each value as a place of its name, which may stand wherever Kysely takes a value: compared, inserted, set
 * @example
 * const byId = prepare(({ roomId }: { readonly roomId: RoomId }) => query.selectFrom('room').selectAll().where('room_id', '=', roomId))
 * database.first(byId.of({ roomId }))
 */
export const prepare = <Values extends Given, Query extends Compilable>(build: (values: Values) => Query): Prepared<Values, Query> => {
  const places = new Proxy({}, { get: (_, name) => new Place(String(name)) }) as Values
  const { sql, parameters }: CompiledQuery = build(places).compile()
  return {
    of: (values) => ({
      sql,
      parameters: parameters.map((parameter) => (parameter instanceof Place ? values[parameter.name] : parameter)),
    }),
  }
}
