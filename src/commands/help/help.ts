import type { ReadCommand } from '../../chat/command.ts'
import type { CommandDeclaration } from '../../chat/declaration.ts'
import { help } from '../../chat/help.ts'
import { helpDeclaration } from './declaration.ts'

export interface HelpPorts {
  readonly declarations: readonly CommandDeclaration[]
  /** The usual prefix. */
  readonly prefix: string
}

/** `!help [command]`: made from the declarations alone. */
export const createHelpCommand = ({ declarations, prefix }: HelpPorts): ReadCommand => ({
  declaration: helpDeclaration,
  answer: (request) => help(declarations, request.arguments.text('command'), { role: request.asker.role, prefix }),
})
