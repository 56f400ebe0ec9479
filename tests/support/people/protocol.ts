/** What the parent process asks the process that hosts the clients to do. */
export type HostRequest =
  | { readonly kind: 'start'; readonly account: ClientAccount }
  | { readonly kind: 'send'; readonly roomId: string; readonly type: string; readonly content: Content; readonly how: SendHow }
  | { readonly kind: 'encrypt'; readonly roomId: string; readonly type: string; readonly content: Content }
  | { readonly kind: 'verify'; readonly userId: string }
  | { readonly kind: 'identity'; readonly userId: string }
  | { readonly kind: 'trust'; readonly userId: string; readonly deviceId: string }
  | { readonly kind: 'devices'; readonly userId: string }
  | { readonly kind: 'stop' }

export type Content = Readonly<Record<string, unknown>>

export interface ClientAccount {
  readonly baseUrl: string
  readonly userId: string
  readonly deviceId: string
  readonly accessToken: string
  readonly password: string
  /** Does not encrypt for, nor read from, devices that their owner has not signed. */
  readonly strict: boolean
  /** Makes a cross-signing identity and signs this device with it. */
  readonly crossSign: boolean
}

export interface SendHow {
  readonly transactionId: string
  /** Sent in clear even where the room is encrypted. */
  readonly plain?: boolean
  /** Put outside the ciphertext, as a homeserver or a hostile client could. */
  readonly outer?: Content
}

export interface Envelope {
  readonly id: number
  /** The client that is meant. */
  readonly person: number
  readonly request: HostRequest
}

/** How a client judges a device of somebody. */
export interface DeviceTrust {
  /** The client has the device's keys. */
  readonly known: boolean
  /** The device is signed by its owner's identity. */
  readonly signedByOwner: boolean
  /** This client's user has verified the owner. */
  readonly ownerVerified: boolean
}

/** How a client judges somebody's identity. */
export interface IdentityTrust {
  /** This client's user has verified it. */
  readonly verified: boolean
  /** The identity is another one than before, and the client asks its user what to do: "their digital identity was reset". */
  readonly reset: boolean
}

/** One event of type m.room.message (or what stands for one that cannot be read), as a client sees it. */
export interface SeenEvent {
  readonly eventId: string
  readonly roomId: string
  readonly sender: string
  /** Position in the order in which this client received it. */
  readonly order: number
  /** The server's time stamp, milliseconds. */
  readonly at: number
  readonly encrypted: boolean
  /** The keys are missing (so far). */
  readonly undecryptable: boolean
  /** Why it cannot be read, as the engine names it. */
  readonly failure?: string
  /** The mark that the client shows beside it. */
  readonly shield: 'none' | 'grey' | 'red'
  /** Why there is a mark, for example `UNSIGNED_DEVICE`. */
  readonly shieldReason?: string
  /** Decrypted. */
  readonly content: Content
  /** The event that this one edits. */
  readonly edits?: string
}

/** What the hosting process tells about its clients. */
export type Notice =
  | { readonly kind: 'event'; readonly event: SeenEvent }
  | {
      readonly kind: 'reaction'
      readonly roomId: string
      readonly eventId: string
      readonly target: string
      readonly key: string
      readonly sender: string
    }
  | { readonly kind: 'redaction'; readonly roomId: string; readonly target: string; readonly sender: string }
  | {
      readonly kind: 'membership'
      readonly roomId: string
      readonly userId: string
      readonly membership: string
      readonly sender: string
      readonly reason?: string
    }
  | { readonly kind: 'room'; readonly roomId: string; readonly name: string; readonly encrypted: boolean }

export type HostMessage =
  | { readonly kind: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: string }
  | { readonly kind: 'notice'; readonly person: number; readonly notice: Notice }
  | { readonly kind: 'ready' }
