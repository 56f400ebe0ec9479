import type { DeviceId as NativeDeviceId, OlmMachine, UserId as NativeUserId } from '@matrix-org/matrix-sdk-crypto-nodejs'
import type { EngineRequest, IdentityBinding, IdentityRequests, IdentitySecrets, PrivateKeys } from './engine-binding.ts'
import type { NativeLibrary } from './native-library.ts'
import type { NativeMachine } from './native-machine.ts'
import type { NativePages } from './native-pages.ts'
import { toRequest } from './native-requests.ts'

const secretNames = ['m.cross_signing.master', 'm.cross_signing.self_signing', 'm.cross_signing.user_signing'] as const

/** The bot's own identity in the native build. */
export class NativeIdentity implements IdentityBinding {
  readonly #library: NativeLibrary
  readonly #machine: NativeMachine
  readonly #pages: NativePages

  constructor(options: { readonly library: NativeLibrary; readonly machine: NativeMachine; readonly pages: NativePages }) {
    this.#library = options.library
    this.#machine = options.machine
    this.#pages = options.pages
  }

  #self(): [NativeUserId, NativeDeviceId] {
    return this.#machine.ask(({ userId, deviceId }) => [userId, deviceId])
  }

  async privateKeys(): Promise<PrivateKeys> {
    const { hasMaster, hasSelfSigning, hasUserSigning } = await this.#machine.call((machine) => machine.crossSigningStatus())
    return { master: hasMaster, selfSigning: hasSelfSigning, userSigning: hasUserSigning }
  }

  async makeIdentity(fresh: boolean): Promise<IdentityRequests> {
    const made = await this.#machine.call((machine) => machine.bootstrapCrossSigning(fresh))
    this.#pages.keep()
    // Its types say "undefined", but it is null.
    const upload = made.uploadKeysReq ?? undefined
    return {
      keysUpload: upload && toRequest(upload),
      signingKeys: made.uploadSigningKeysReq,
      signatures: toRequest(made.uploadSignaturesReq),
    }
  }

  async otherIdentity(): Promise<{ readonly signingKeys: string; readonly secrets: IdentitySecrets }> {
    const maker = await this.#library.OlmMachine.initialize(...this.#self())
    try {
      const { uploadSigningKeysReq: signingKeys } = await maker.bootstrapCrossSigning(true)
      return { signingKeys, secrets: await this.#exportFrom(maker) }
    } finally {
      maker.close()
    }
  }

  exportSecrets(): Promise<IdentitySecrets> {
    return this.#machine.call((machine) => this.#exportFrom(machine))
  }

  /** It gives them away for secret storage only: under a key that nobody else ever sees. */
  async #exportFrom(machine: OlmMachine): Promise<IdentitySecrets> {
    const key = this.#library.SecretStorageKey.createRandomKey()
    const { masterKey, selfSigningKey, userSigningKey } = await machine.exportSecretsForSecretStorage(key)
    return [
      key.decrypt(masterKey, secretNames[0]),
      key.decrypt(selfSigningKey, secretNames[1]),
      key.decrypt(userSigningKey, secretNames[2]),
    ]
  }

  async #import(secrets: readonly (string | undefined)[]): Promise<EngineRequest> {
    const key = this.#library.SecretStorageKey.createRandomKey()
    const [masterKey, selfSigningKey, userSigningKey] = secretNames.map((name, index) => key.encrypt(secrets[index] ?? '', name))
    const items = new this.#library.SecretStorageItems({
      masterKey: masterKey ?? '',
      selfSigningKey: selfSigningKey ?? '',
      userSigningKey: userSigningKey ?? '',
    })
    const request = await this.#machine.call((machine) => machine.importSecretsFromSecretStorage(key, items), [key, items])
    this.#pages.keep()
    return toRequest(request)
  }

  async importSecrets(secrets: readonly (string | undefined)[]): Promise<EngineRequest | undefined> {
    await this.#import(secrets)
    // What it would send signs the device: `signDevice` does that.
    return undefined
  }

  async signDevice(): Promise<EngineRequest | undefined> {
    const [user, id] = this.#self()
    const device = await this.#machine.call((machine) => machine.getDevice(user, id), [user, id])
    // Signing comes with taking the keys over, which are its own here.
    return device === null ? undefined : this.#import(await this.exportSecrets())
  }
}
