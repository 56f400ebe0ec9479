import { OlmMachine } from '@matrix-org/matrix-sdk-crypto-wasm'
import type { OwnUserIdentity } from '@matrix-org/matrix-sdk-crypto-wasm'
import type { EngineRequest, IdentityBinding, IdentityRequests, IdentitySecrets, PrivateKeys } from './engine-binding.ts'
import { toRequest } from './wasm-requests.ts'
import type { WasmRequest } from './wasm-requests.ts'

/** The bot's own identity in the WebAssembly build. */
export class WasmIdentity implements IdentityBinding {
  readonly #machine: OlmMachine

  constructor(machine: OlmMachine) {
    this.#machine = machine
  }

  async privateKeys(): Promise<PrivateKeys> {
    const { hasMaster, hasSelfSigning, hasUserSigning } = await this.#machine.crossSigningStatus()
    return { master: hasMaster, selfSigning: hasSelfSigning, userSigning: hasUserSigning }
  }

  async makeIdentity(fresh: boolean): Promise<IdentityRequests> {
    const made = await this.#machine.bootstrapCrossSigning(fresh)
    const upload = made.uploadKeysRequest as WasmRequest | undefined
    return {
      keysUpload: upload && toRequest(upload),
      signingKeys: made.uploadSigningKeysRequest.body,
      signatures: toRequest(made.uploadSignaturesRequest),
    }
  }

  async otherIdentity(): Promise<{ readonly signingKeys: string; readonly secrets: IdentitySecrets }> {
    const maker = await OlmMachine.initialize(this.#machine.userId, this.#machine.deviceId)
    const { uploadSigningKeysRequest } = await maker.bootstrapCrossSigning(true)
    const secrets = await exportFrom(maker)
    maker.close()
    return { signingKeys: uploadSigningKeysRequest.body, secrets }
  }

  exportSecrets(): Promise<IdentitySecrets> {
    return exportFrom(this.#machine)
  }

  async importSecrets(secrets: readonly (string | undefined)[]): Promise<EngineRequest | undefined> {
    await this.#machine.importCrossSigningKeys(secrets[0], secrets[1], secrets[2])
    const identity = (await this.#machine.getIdentity(this.#machine.userId)) as OwnUserIdentity | undefined
    return identity === undefined || identity.isVerified() ? undefined : toRequest(await identity.verify())
  }

  async signDevice(): Promise<EngineRequest | undefined> {
    const { userId, deviceId } = this.#machine
    const device = await this.#machine.getDevice(userId, deviceId)
    return device === undefined ? undefined : toRequest(await device.verify())
  }
}

const exportFrom = async (machine: OlmMachine): Promise<IdentitySecrets> => {
  const exported = await machine.exportCrossSigningKeys()
  return [exported?.masterKey, exported?.self_signing_key, exported?.userSigningKey]
}
