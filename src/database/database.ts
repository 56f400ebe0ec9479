import BetterSqlite3 from 'better-sqlite3'
import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type { Compilable, CompiledQuery, InferResult } from 'kysely'
import { prepare } from './prepared.ts'
import type { Ready } from './prepared.ts'
import type { Schema } from './schema.ts'

/** A commit that may wait does so no longer than this (milliseconds). */
const soonMs = 25

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
  readonly #commands
  readonly #meta
  /** The work of a transaction runs. */
  #inside = false
  /** A transaction is open that no work runs in: its commit waits for the next one. */
  #waiting = false
  #timer: NodeJS.Timeout | undefined
  #lost: Error | undefined

  private constructor(connection: BetterSqlite3.Database) {
    this.connection = connection
    this.#commands = {
      begin: connection.prepare('BEGIN IMMEDIATE'),
      commit: connection.prepare('COMMIT'),
      rollback: connection.prepare('ROLLBACK'),
      savepoint: connection.prepare('SAVEPOINT step'),
      release: connection.prepare('RELEASE step'),
      rollbackTo: connection.prepare('ROLLBACK TO step'),
    }
    this.query = new Kysely<Schema>({
      dialect: {
        createAdapter: () => new SqliteAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (db) => new SqliteIntrospector(db),
        createQueryCompiler: () => new SqliteQueryCompiler(),
      },
    })
    this.#meta = {
      read: prepare(({ name }: { readonly name: string }) => this.query.selectFrom('meta').select('value').where('name', '=', name)),
      write: prepare(({ name, value }: { readonly name: string; readonly value: string }) =>
        this.query
          .insertInto('meta')
          .values({ name, value })
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ value })),
      ),
    }
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

  #prepare(compiled: Pick<CompiledQuery, 'sql'>): BetterSqlite3.Statement {
    const known = this.#statements.get(compiled.sql)
    if (this.#lost !== undefined) throw this.#lost
    if (known !== undefined) return known
    const statement = this.connection.prepare(compiled.sql)
    if (this.#statements.size > 500) this.#statements.clear()
    this.#statements.set(compiled.sql, statement)
    return statement
  }

  /** Runs a query that changes rows. Returns how many, and the id of the last inserted one. */
  run(query: Compilable | Ready<Compilable>): { changes: number; lastInsertId: number } {
    const compiled = compiledOf(query)
    const statement = this.#prepare(compiled)
    const result = statement.run(...compiled.parameters)
    this.#executed(statement)
    return { changes: result.changes, lastInsertId: Number(result.lastInsertRowid) }
  }

  /** All rows of a query (also of one with `returning`). */
  all<Q extends Compilable>(query: Q | Ready<Q>): InferResult<Q> {
    const compiled = compiledOf(query)
    const statement = this.#prepare(compiled)
    const rows = statement.all(...compiled.parameters) as InferResult<Q>
    this.#executed(statement)
    return rows
  }

  /** The first row, or undefined. */
  first<Q extends Compilable>(query: Q | Ready<Q>): InferResult<Q>[number] | undefined {
    const compiled = compiledOf(query)
    const statement = this.#prepare(compiled)
    const row = statement.get(...compiled.parameters) as InferResult<Q>[number] | undefined
    this.#executed(statement)
    return row
  }

  /** A change outside a transaction is on disk when it returns, together with whatever waits for the next commit. */
  #executed(statement: BetterSqlite3.Statement): void {
    if (this.#waiting && !this.#inside && !statement.readonly) this.settle()
  }

  /**
   * Runs `work` in one transaction: all of it or nothing. Inside another transaction it becomes part of that one.
   * @param soon the commit may wait for the next one, which saves a flush of the disk. For rows of which nobody outside knows yet: they are committed
   *   before a request leaves (see `settle`), and shortly after in any case; this process sees them at once, and nothing that is written later can be
   *   on disk without them. Default: committed when this returns
   * @throws TypeError when `work` returns a promise: nothing may be awaited inside a transaction
   */
  transaction<T>(work: () => T, { soon = false }: { readonly soon?: boolean } = {}): T {
    const guarded = (): T => {
      const result = work()
      if (result instanceof Promise) throw new TypeError('a transaction may not await anything')
      return result
    }
    if (this.#inside || (this.connection.inTransaction && !this.#waiting)) return guarded()
    if (this.#lost !== undefined) throw this.#lost
    const result = this.#run(guarded)
    if (soon) this.#wait()
    else this.#commit()
    return result
  }

  /** Runs the work in a new transaction or, where one waits for its commit, as a step of that. */
  #run<T>(work: () => T): T {
    const joins = this.#waiting
    const { begin, rollback, savepoint, release, rollbackTo } = this.#commands
    ;(joins ? savepoint : begin).run()
    this.#inside = true
    try {
      const result = work()
      if (joins) release.run()
      return result
    } catch (error) {
      // On a full disk or the like SQLite has taken everything back already.
      if (!this.connection.inTransaction) this.#lose(error)
      else if (joins) {
        rollbackTo.run()
        release.run()
      } else rollback.run()
      throw error
    } finally {
      this.#inside = false
    }
  }

  #wait(): void {
    this.#waiting = true
    this.#timer ??= setTimeout(() => this.settle(), soonMs)
  }

  #commit(): void {
    try {
      this.#commands.commit.run()
    } catch (error) {
      if (this.connection.inTransaction) this.#commands.rollback.run()
      this.#lose(error)
      throw error
    }
    this.#ended()
  }

  #ended(): void {
    this.#waiting = false
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** If something waited for its commit, it is gone, and this process has gone on from it: nothing more may be written. */
  #lose(cause: unknown): void {
    if (this.#waiting) this.#lost = new Error('what was written cannot be committed', { cause })
    this.#ended()
  }

  /**
   * Commits what waits (`soon`). Called before every request: nothing leaves that is not on disk.
   * @throws Error when that fails: memory is ahead of the disk, and the process has to end
   */
  settle(): void {
    if (this.#lost !== undefined) throw this.#lost
    if (this.#waiting && !this.#inside) this.#commit()
  }

  /** A value of the `meta` table. */
  meta(name: string): string | undefined {
    return this.first(this.#meta.read.of({ name }))?.value
  }

  /** Sets a value of the `meta` table. */
  setMeta(name: string, value: string): void {
    this.run(this.#meta.write.of({ name, value }))
  }

  /** Forgets a small value. */
  deleteMeta(name: string): void {
    this.run(this.query.deleteFrom('meta').where('name', '=', name))
  }

  /** Commits what waits and closes the file. Safe to call twice. */
  close(): void {
    this.#statements.clear()
    if (!this.connection.open) return
    try {
      if (this.#lost === undefined) this.settle()
    } finally {
      this.connection.close()
    }
  }
}

const compiledOf = (query: Compilable | Ready<Compilable>): Pick<CompiledQuery, 'sql' | 'parameters'> =>
  'sql' in query ? query : query.compile()
