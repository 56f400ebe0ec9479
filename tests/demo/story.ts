import { arrival } from './chapters/arrival.ts'
import { asking } from './chapters/asking.ts'
import { introductions } from './chapters/introductions.ts'
import { invitations } from './chapters/invitations.ts'
import { removal } from './chapters/removal.ts'
import { secrets } from './chapters/secrets.ts'
import type { Demo } from './environment.ts'
import { Stage } from './stage.ts'

/**
 * Plays the whole story and prints it as the moderator sees it. Each step is checked on the servers (Synapse's database, the state of the
 * Authentik stand-in) or in the people's own clients, never in the bot.
 * @returns whether every step had its effect
 */
export const playStory = async (demo: Demo, signal: AbortSignal): Promise<boolean> => {
  const print = (line: string): void => console.log(line)
  const begun = performance.now()
  const stage = new Stage(demo, print, signal)
  print('Starting the encrypted clients of Mo (moderator), Ada (newcomer) and Olga (admin) …')
  for (const actor of ['moderator', 'newcomer', 'admin'] as const) await stage.cast.person(actor)
  try {
    for (const chapter of [asking, invitations, arrival, introductions, removal, secrets]) await chapter(stage)
  } catch (error) {
    if (!signal.aborted) throw error
    print('The story was interrupted.')
    return false
  } finally {
    await stage.cast.close()
  }
  const seconds = Math.round((performance.now() - begun) / 1000)
  const { failed, steps } = stage
  print(
    failed.length === 0
      ? `\nAll ${steps} steps had their effect (${seconds} s, profile ${demo.profile}).`
      : `\n${failed.length} of ${steps} steps failed (${seconds} s, profile ${demo.profile}):\n${failed.map((title) => `  ✘ ${title}`).join('\n')}\nThe bot's log: ${demo.files.logFile}`,
  )
  return failed.length === 0
}
