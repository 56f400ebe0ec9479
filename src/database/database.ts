import BetterSqlite3 from 'better-sqlite3'
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { Compilable, CompiledQuery, InferResult } from 'kysely'
import type { Schema } from './schema.ts'

/**
 * The one connection to the SQLite file. Kysely builds and types the queries; they run synchronously, so a transaction cannot
 * contain an `await` and nothing else can slip in between its statements.
 *
 * @example
 * database.transaction(() => {
 *   database.run(database.query.insertInto('meta').values({ name: 'since', value: token }))
 *   database.run(database.query.deleteFrom('outbox').where('state', '=', 'sent'))
 * })
 */
export class Database {
  /** Builds queries; it never runs them itself. */
  readonly query: Kysely<Schema>
  /** The raw connection, for the migrator, backups and the crypto store's prepared statements. */
  readonly connection: BetterSqlite3.Database
  readonly #statements = new Map<string, BetterSqlite3.Statement>()

  private constructor(connection: BetterSqlite3.Database) {
    this.connection = connection
    this.query = new Kysely<Schema>({
      dialect: {
        createAdapter: () => new SqliteAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (db) => new SqliteIntrospector(db),
        createQueryCompiler: () => new SqliteQueryCompiler(),
      },
    })
  }

  /**
   * Opens (or creates) the file: WAL, `synchronous=FULL` (a commit that a power cut takes back could make a ratchet index run twice),
   * foreign keys on. Does not migrate: see `migrate`.
   * @param file path of the database, or `:memory:` in unit tests
   */
  static open(file: string): Database {
    const connection = new BetterSqlite3(file)
    connection.pragma('journal_mode = WAL')
    connection.pragma('synchronous = FULL')
    connection.pragma('foreign_keys = ON')
    connection.pragma('busy_timeout = 5000')
    connection.pragma('trusted_schema = OFF')
    return new Database(connection)
  }

  #prepare(compiled: CompiledQuery): BetterSqlite3.Statement {
    const known = this.#statements.get(compiled.sql)
    if (known !== undefined) return known
    const statement = this.connection.prepare(compiled.sql)
    if (this.#statements.size > 500) this.#statements.clear()
    this.#statements.set(compiled.sql, statement)
    return statement
  }

  /** Runs a query that changes rows. Returns how many, and the id of the last inserted one. */
  run(query: Compilable): { changes: number; lastInsertId: number } {
    const compiled = query.compile()
    const result = this.#prepare(compiled).run(...compiled.parameters)
    return { changes: result.changes, lastInsertId: Number(result.lastInsertRowid) }
  }

  /** All rows of a query (also of one with `returning`). */
  all<Q extends Compilable>(query: Q): InferResult<Q> {
    const compiled = query.compile()
    return this.#prepare(compiled).all(...compiled.parameters) as InferResult<Q>
  }

  /** The first row, or undefined. */
  first<Q extends Compilable>(query: Q): InferResult<Q>[number] | undefined {
    const compiled = query.compile()
    return this.#prepare(compiled).get(...compiled.parameters) as InferResult<Q>[number] | undefined
  }

  /**
   * Runs `work` in one transaction: all of it or nothing. Inside another transaction it becomes part of that one.
   * @throws TypeError when `work` returns a promise: nothing may be awaited inside a transaction
   */
  transaction<T>(work: () => T): T {
    const guarded = (): T => {
      const result = work()
      if (result instanceof Promise) throw new TypeError('a transaction may not await anything')
      return result
    }
    if (this.connection.inTransaction) return guarded()
    return this.connection.transaction(guarded).immediate()
  }

  /** A value of the `meta` table. */
  meta(name: string): string | undefined {
    return this.first(this.query.selectFrom('meta').select('value').where('name', '=', name))?.value
  }

  /** Sets a value of the `meta` table. */
  setMeta(name: string, value: string): void {
    this.run(
      this.query
        .insertInto('meta')
        .values({ name, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value })),
    )
  }

  /** Forgets a small value. */
  deleteMeta(name: string): void {
    this.run(this.query.deleteFrom('meta').where('name', '=', name))
  }

  /** Closes the file. Safe to call twice. */
  close(): void {
    this.#statements.clear()
    if (this.connection.open) this.connection.close()
  }
}
