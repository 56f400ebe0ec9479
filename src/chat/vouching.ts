import { durationWords } from '../operations/durations.ts'
import type { Timestamp } from '../types.ts'
import { admit } from './admission.ts'
import { paragraph } from './answer.ts'
import type { Answer, Inline } from './answer.ts'
import { maskArguments } from './audit-arguments.ts'
import { deviceLabel } from './authorise.ts'
import type { Refusal } from './authorise.ts'
import { codeOf, codeProblemWords, refuseConfirm } from './confirm-code.ts'
import type { HeldCommand } from './held-commands.ts'
import type { ParsedCommand } from './parse.ts'
import type { PipelinePorts, Turn } from './pipeline-ports.ts'
import { resolveArguments } from './resolve.ts'
import { pinned } from './saved.ts'

type Ports = Pick<
  PipelinePorts,
  | 'clock'
  | 'held'
  | 'commands'
  | 'confirmWithinMs'
  | 'resolverFor'
  | 'roomName'
  | 'nameOf'
  | 'bot'
  | 'roomEncrypted'
  | 'trust'
  | 'believe'
  | 'freshTrust'
>

/** A command that its owner has released from a signed device. */
export interface Released {
  /** The turn of the confirmation, with the place that the command itself replied to. */
  readonly turn: Turn
  readonly parsed: ParsedCommand
  readonly warning: string | undefined
}

/** How long somebody is not told once more what is wrong with the same device (milliseconds). */
const toldForMs = 3_600_000

const short = { 'untrusted-device': 'is still not verified', 'identity-changed': 'still belongs to an identity that nobody has accepted' }

/**
 * Commands from devices that cannot be believed. The person is told once an hour which device it is and what helps; the command is kept, so that they
 * can release it from a device that they have signed, instead of typing it again.
 */
export class Vouching {
  readonly #ports: Ports
  readonly #told = new Map<string, Timestamp>()

  constructor(ports: Ports) {
    this.#ports = ports
  }

  /** Refuses a command because of its device or identity. */
  async refuse(turn: Turn, parsed: ParsedCommand, refusal: Refusal & { readonly code: keyof typeof short }): Promise<void> {
    const { clock, held, confirmWithinMs } = this.#ports
    const kept = refusal.code === 'untrusted-device' ? await this.#kept(turn, parsed) : undefined
    const first = this.#isFirst(turn, refusal.code)
    await turn.reply.finish(
      (): Answer => {
        const now = clock.now()
        const code = kept === undefined ? undefined : held.hold(kept, now + confirmWithinMs, now)
        return { mark: '❌', blocks: [paragraph(...this.#words(turn, refusal, first, code))], code: refusal.code }
      },
      {
        command: parsed.declaration.name,
        arguments: maskArguments(parsed),
        outcome: 'refused',
        code: refusal.code,
        detail: refusal.words,
      },
    )
  }

  #words(
    { message: { transport } }: Turn,
    refusal: Refusal & { readonly code: keyof typeof short },
    first: boolean,
    code: string | undefined,
  ): readonly Inline[] {
    const prefix = this.#ports.bot.prefixes[0] ?? '!'
    const within = durationWords(this.#ports.confirmWithinMs)
    const confirm = { code: `${prefix}confirm ${code}` }
    if (!first) {
      const device = transport.encrypted ? deviceLabel(transport) : 'your device'
      const pointer = `Not done: ${device} ${short[refusal.code]}; I said above what helps.`
      return code === undefined ? [pointer] : [`${pointer} From a verified device: `, confirm, '.']
    }
    const said = `Not done: ${refusal.words}.`
    return code === undefined ? [said] : [`${said} Or answer `, confirm, ` from a device that is verified, within ${within}.`]
  }

  #isFirst({ message: { entry, transport } }: Turn, code: string): boolean {
    const now = this.#ports.clock.now()
    for (const [old, at] of this.#told) if (now - at >= toldForMs) this.#told.delete(old)
    const key = `${entry.sender} ${transport.encrypted ? (transport.device ?? '') : ''} ${code}`
    if (this.#told.has(key)) return false
    this.#told.set(key, now)
    return true
  }

  /** The command with every person under their own name; undefined when its names mean nothing: it could not run anyway. */
  async #kept({ message: { entry, relations }, role, kind }: Turn, parsed: ParsedCommand): Promise<HeldCommand | undefined> {
    const { declaration, dryRun } = parsed
    const { eventId, sender: asker, roomId } = entry
    const here = { roomId, name: this.#ports.roomName(roomId) }
    const viewer = { userId: asker, role, place: kind }
    const resolved = await resolveArguments(declaration, parsed.arguments, asker, here, this.#ports.resolverFor(viewer))
    if (!resolved.ok) return undefined
    const given = pinned(declaration, parsed.arguments, resolved.arguments)
    return { eventId, command: declaration.name, arguments: given, dryRun, asker, roomId, replyTo: relations.replyTo }
  }

  /**
   * Takes the answer to an offer of `refuse`. Who releases a command must be who gave it, in the same room, on a device that can be believed; the
   * command then goes its whole way as if it had been given there, and asks again where it would ask.
   * @returns the command; `answered` = it was refused; `no-code` = it is no code of ours
   */
  async release(turn: Turn, parsed: ParsedCommand): Promise<Released | 'answered' | 'no-code'> {
    const { held, clock, commands, nameOf } = this.#ports
    const { entry, relations } = turn.message
    const code = codeOf(parsed)
    if (held.roomOf(code) !== entry.roomId) return 'no-code'
    const refuse = async (reason: string, words: string): Promise<'answered'> => {
      await refuseConfirm(turn, reason, words)
      return 'answered'
    }
    const found = held.find(code, entry.sender, entry.roomId, entry.eventId, clock.now())
    if (!found.ok) {
      return refuse(found.code, codeProblemWords(found.code, 'only the person who gave that command can release it'))
    }
    const declaration = commands.get(found.held.command)?.declaration
    if (declaration === undefined) return refuse('not-available', `\`${found.held.command}\` is not part of this version any more`)
    const verdict = await admit(this.#ports, turn, declaration, found.held.dryRun)
    if (!verdict.allowed) return refuse(verdict.refusal.code, `Not done, ${nameOf(entry.sender)}: ${verdict.refusal.words}`)
    held.release(code, entry.eventId)
    const message = { ...turn.message, relations: { ...relations, replyTo: found.held.replyTo } }
    return {
      turn: { ...turn, message, writtenIn: found.held.eventId },
      parsed: { ok: true, declaration, arguments: found.held.arguments, dryRun: found.held.dryRun },
      warning: verdict.warning,
    }
  }
}
