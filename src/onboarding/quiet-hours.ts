/** Hours of the day in which no welcome is sent. Times as `HH:MM`. */
export interface QuietHours {
  readonly from: string
  readonly to: string
  /** IANA name, such as `Europe/Berlin`. */
  readonly timeZone: string
}

const minutesOf = (time: string): number => {
  const [hours, minutes] = time.split(':').map(Number)
  return (hours ?? 0) * 60 + (minutes ?? 0)
}

/**
 * How long the quiet hours still last.
 * @param now milliseconds since the Unix epoch
 * @returns milliseconds; 0 = they are not on
 */
export const quietFor = (quiet: QuietHours | undefined, now: number): number => {
  if (quiet === undefined) return 0
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: quiet.timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(
    now,
  )
  const from = minutesOf(quiet.from)
  const to = minutesOf(quiet.to)
  const minute = minutesOf(clock)
  const inside = from <= to ? minute >= from && minute < to : minute >= from || minute < to
  return inside ? ((to - minute + 1440) % 1440 || 1440) * 60_000 : 0
}

/**
 * When a time of the day comes next, by this machine's zone.
 * @returns milliseconds from `now`, more than 0
 */
export const untilTimeOfDay = (time: string, now: number): number => {
  const next = new Date(now)
  const minutes = minutesOf(time)
  next.setHours(Math.floor(minutes / 60), minutes % 60, 0, 0)
  if (next.getTime() <= now) next.setDate(next.getDate() + 1)
  return next.getTime() - now
}
