import type { DirectoryChanges } from '../directory/changes.ts'
import type { CryptoPort } from './port.ts'
import type { RoomEncryptions } from './room-encryption.ts'

/**
 * Tells the crypto engine what changed in the directory: rooms where a key has to be shared anew, and those that need a new session. Call it inside
 * the transaction that stores the changes where there is one, so that no crash can part them.
 */
export const followMembers = (
  crypto: Pick<CryptoPort, 'touch' | 'expire'>,
  encryptions: Pick<RoomEncryptions, 'has'>,
  changes: Pick<DirectoryChanges, 'memberChanges' | 'visibilityChanges' | 'baselines'>,
): void => {
  for (const { roomId, from, to } of changes.memberChanges) {
    if (!encryptions.has(roomId)) continue
    // Who was there, or invited, and is gone must not read on.
    if ((from === 'join' || from === 'invite') && to !== 'join' && to !== 'invite') crypto.expire(roomId)
    else crypto.touch(roomId)
  }
  for (const { roomId } of changes.visibilityChanges) if (encryptions.has(roomId)) crypto.expire(roomId)
  for (const roomId of changes.baselines) crypto.touch(roomId)
}
