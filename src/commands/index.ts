import type { Command } from '../chat/command.ts'
import { paragraph } from '../chat/answer.ts'
import { pingDeclaration } from './ping/declaration.ts'
export const createCommands = (_parts: unknown): ReadonlyMap<string, Command> =>
  new Map<string, Command>([['ping', { declaration: pingDeclaration, answer: () => ({ blocks: [paragraph('pong')], code: 'ok' }) }]])
