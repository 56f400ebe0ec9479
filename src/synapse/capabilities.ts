import type { Config } from '../config/schema.ts'
import type { Logger } from '../operations/logger.ts'
import type { RoomId, UserId } from '../types.ts'
import type { AdminChange, SynapseAdmin } from './admin.ts'

/** What the bot may do beyond an ordinary user. Nothing until `probe` has found out. */
export class ServerCapabilities {
  readonly #config: Pick<Config, 'homeserver'>
  readonly #admin: SynapseAdmin
  readonly #logger: Logger
  #isAdmin = false
  #exempt = false

  constructor(options: { readonly config: Pick<Config, 'homeserver'>; readonly admin: SynapseAdmin; readonly logger: Logger }) {
    this.#config = options.config
    this.#admin = options.admin
    this.#logger = options.logger
  }

  /** Is the bot exempt from the server's rate limits? */
  get exempt(): boolean {
    return this.#exempt
  }

  /** May the bot use the Synapse admin API? */
  get admin(): boolean {
    return this.#isAdmin
  }

  /** Asks the server, on its own server only: a stranger does not knock at the admin API of others. */
  async probe(): Promise<void> {
    if (this.#config.homeserver.profile !== 'own-server') return
    const found = await this.#admin.probe()
    this.#isAdmin = found.admin
    this.#exempt = found.exempt
    this.#logger.info({ admin: found.admin, exempt: found.exempt }, 'the rights of the bot on its server')
  }

  /** May this person be put into rooms without an invitation? Only people of the own server can be. */
  mayJoin(userId: UserId): boolean {
    const own = this.#config.homeserver.userId
    return this.#isAdmin && userId.slice(userId.indexOf(':')) === own.slice(own.indexOf(':'))
  }

  /** Puts somebody into a room (Synapse admin API). */
  join(roomId: RoomId, userId: UserId): Promise<AdminChange> {
    if (this.mayJoin(userId)) return this.#admin.join(roomId, userId)
    return Promise.resolve({ ok: false, code: 'not-admin', changed: 'no', text: 'that needs the admin rights of the own server' })
  }

  /** Stops somebody from writing anywhere (reversible; Synapse admin API). */
  suspend(userId: UserId): Promise<AdminChange> {
    if (this.#isAdmin) return this.#admin.suspend(userId, true)
    return Promise.resolve({ ok: false, code: 'not-admin', changed: 'no', text: 'suspending needs the admin rights of the own server' })
  }
}
