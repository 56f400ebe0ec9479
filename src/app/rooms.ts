import { randomBytes } from 'node:crypto'
import type { Connections } from '../connections.ts'
import { sharingFor, sharingOfSecret } from '../crypto/key-sharing.ts'
import type { KeySharing } from '../crypto/port.ts'
import { RoomEncryptions } from '../crypto/room-encryption.ts'
import type { DirectoryChanges } from '../directory/changes.ts'
import { Repairer } from '../directory/repairer.ts'
import { DirectRooms } from '../matrix/direct-rooms.ts'
import { Outbox } from '../matrix/outbox.ts'
import { createDirectorySource } from '../matrix/queries.ts'
import { SpecialRooms } from '../matrix/special-rooms.ts'
import type { RoomId, UserId } from '../types.ts'
import type { Core } from './core.ts'
import type { Records } from './records.ts'

/** The rooms of the bot, and the way to write into them. */
export type RoomParts = ReturnType<typeof createRooms>

/** @param parts.onRepaired a list of members was read from the server and is in the directory now */
export const createRooms = (
  parts: Core &
    Pick<Connections, 'homeserver' | 'engine'> &
    Pick<Records, 'directory' | 'identities'> & { readonly onRepaired: (changes: DirectoryChanges) => void },
) => {
  const { config, database, clock, logger, homeserver, engine, directory, identities } = parts
  const sharing = (roomId: RoomId): KeySharing => sharingFor(config.crypto.shareKeysWith, rooms.kindOf(roomId))
  const sharingOf = (roomId: RoomId, secret: boolean): KeySharing =>
    secret ? sharingOfSecret(identities, directRooms.personOf(roomId), sharing(roomId)) : sharing(roomId)
  const encryptions = new RoomEncryptions(database, directory, sharingOf)
  const isEncrypted = (roomId: RoomId): boolean => encryptions.has(roomId)
  const repairer = new Repairer({ directory, source: createDirectorySource(homeserver), clock, logger, onChanges: parts.onRepaired })
  const outbox = new Outbox({
    database,
    homeserver,
    crypto: engine,
    encryptions,
    fetchMembers: (roomId) => repairer.whole(roomId),
    clock,
    logger,
  })
  const directRooms = new DirectRooms({
    database,
    directory,
    homeserver,
    clock,
    logger,
    isEncrypted,
    newMarker: () => randomBytes(12).toString('base64url'),
  })
  const rooms = new SpecialRooms({ database, directory, homeserver, directRooms, named: config.rooms })
  return {
    encryptions,
    isEncrypted,
    /** Who gets the keys of a room. */
    sharing,
    repairer,
    outbox,
    directRooms,
    rooms,
    roomName: (roomId: RoomId): string => directory.room(roomId)?.name ?? roomId,
    /** The direct chat with somebody, made if there is none; undefined = there cannot be one now. */
    directRoom: async (userId: UserId): Promise<RoomId | undefined> => {
      const room = await directRooms.open(userId)
      return room.ok ? room.roomId : undefined
    },
  }
}
