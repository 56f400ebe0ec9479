import type { CommandDeclaration } from '../chat/declaration.ts'
import { addtoDeclaration } from './addto/declaration.ts'
import { adduserDeclaration } from './adduser/declaration.ts'
import { approveDeclaration } from './approve/declaration.ts'
import { declineDeclaration } from './decline/declaration.ts'
import { extendDeclaration } from './extend/declaration.ts'
import { graduateDeclaration } from './graduate/declaration.ts'
import { pendingDeclaration } from './pending/declaration.ts'
import { requestDeclaration } from './request/declaration.ts'
import { auditDeclaration } from './audit/declaration.ts'
import { cancelDeclaration } from './cancel/declaration.ts'
import { confirmDeclaration } from './confirm/declaration.ts'
import { helpDeclaration } from './help/declaration.ts'
import { inviteDeclaration } from './invite/declaration.ts'
import { invitesDeclaration } from './invites/declaration.ts'
import { jobsDeclaration } from './jobs/declaration.ts'
import { pingDeclaration } from './ping/declaration.ts'
import { recommendDeclaration } from './recommend/declaration.ts'
import { removeDeclaration } from './remove/declaration.ts'
import { resetDeclaration } from './reset/declaration.ts'
import { retryDeclaration } from './retry/declaration.ts'
import { revokeDeclaration } from './revoke/declaration.ts'
import { roomDeclaration } from './room/declaration.ts'
import { roomsDeclaration } from './rooms/declaration.ts'
import { statusDeclaration } from './status/declaration.ts'
import { stuckDeclaration } from './stuck/declaration.ts'
import { syncDeclaration } from './sync/declaration.ts'
import { undoDeclaration } from './undo/declaration.ts'
import { trustDeclaration } from './trust/declaration.ts'
import { welcomeDeclaration } from './welcome/declaration.ts'
import { whoamiDeclaration } from './whoami/declaration.ts'
import { whyDeclaration } from './why/declaration.ts'

/** Every chat command, in the order in which help shows them. A new one is added here and in its own folder. */
export const declarations: readonly CommandDeclaration[] = [
  helpDeclaration,
  pingDeclaration,
  whoamiDeclaration,
  statusDeclaration,
  whyDeclaration,
  roomsDeclaration,
  roomDeclaration,
  recommendDeclaration,
  inviteDeclaration,
  invitesDeclaration,
  revokeDeclaration,
  pendingDeclaration,
  requestDeclaration,
  approveDeclaration,
  declineDeclaration,
  extendDeclaration,
  graduateDeclaration,
  adduserDeclaration,
  addtoDeclaration,
  removeDeclaration,
  welcomeDeclaration,
  stuckDeclaration,
  resetDeclaration,
  syncDeclaration,
  jobsDeclaration,
  retryDeclaration,
  cancelDeclaration,
  undoDeclaration,
  confirmDeclaration,
  trustDeclaration,
  auditDeclaration,
]
