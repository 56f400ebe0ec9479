import type { Config } from '../config/schema.ts'
import type { SessionOptions } from './session.ts'

/** What the configuration says about the bot's session: whose it is, and by what it may log in. */
export const sessionSettings = ({
  userId,
  deviceName,
  password,
  accessToken,
}: Config['homeserver']): Pick<SessionOptions, 'userId' | 'deviceName' | 'password' | 'accessToken'> => ({
  userId,
  deviceName,
  ...(password === undefined ? {} : { password }),
  ...(accessToken === undefined ? {} : { accessToken }),
})
