/** Where an engine keeps what it must not lose, as the flow around it sees it. */
export interface EngineStore {
  /** Holds back what the engine writes from now on, until `flush`. Call before the engine is fed with a sync. */
  begin(): void
  /** Writes what was held. Call inside the SQLite transaction that stores the sync token; `release` after it has committed. */
  flush(): void
  /** Ends the holding and lets those go on that wait in `durable`. */
  release(): void
  /** Resolves when everything the engine has written so far is on disk. Await it before every request that carries crypto state. */
  durable(): Promise<void>
  close(): void
}
