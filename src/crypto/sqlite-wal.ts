import { readSync } from 'node:fs'

/** How far a write-ahead log was read: what follows is new. */
export interface WalPlace {
  /** Both salts: another value = the log was begun anew. */
  readonly salts: string
  /** Counts how often it was begun anew. */
  readonly sequence: number
  /** Where the next frame begins (bytes). */
  readonly offset: number
  /** The running checksum there. */
  readonly sums: readonly [number, number]
}

/** What was committed since a place in the log. */
export interface WalTail {
  readonly pages: ReadonlyMap<number, Buffer>
  /** Pages of the database after the last commit; undefined = nothing was committed. */
  readonly size: number | undefined
  readonly place: WalPlace
}

/** The head of a log. */
export interface WalHead {
  readonly pageSize: number
  readonly start: WalPlace
  /** Are checksums made of big-endian numbers? */
  readonly bigEndian: boolean
}

const headBytes = 32
const frameHeadBytes = 24

/** Reads up to `length` bytes; fewer at the end of the file. */
export const readAt = (file: number, offset: number, length: number): Buffer => {
  const buffer = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const got = readSync(file, buffer, done, length - done, offset + done)
    if (got === 0) break
    done += got
  }
  return buffer.subarray(0, done)
}

/** SQLite's checksum over pairs of 32-bit numbers (file format, "Checksum Algorithm"). */
const sumOf = (bytes: Buffer, [first, second]: readonly [number, number], bigEndian: boolean): [number, number] => {
  let a = first
  let b = second
  for (let at = 0; at < bytes.length; at += 8) {
    a = (a + (bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + b) >>> 0
    b = (b + (bigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + a) >>> 0
  }
  return [a, b]
}

/** The head of a write-ahead log (https://sqlite.org/fileformat2.html#the_write_ahead_log); undefined = it has none, so there is no frame either. */
export const readWalHead = (file: number): WalHead | undefined => {
  const head = readAt(file, 0, headBytes)
  if (head.length < headBytes) return undefined
  const magic = head.readUInt32BE(0)
  if (magic !== 0x377f_0682 && magic !== 0x377f_0683) return undefined
  const bigEndian = magic === 0x377f_0683
  const sums = sumOf(head.subarray(0, 24), [0, 0], bigEndian)
  if (sums[0] !== head.readUInt32BE(24) || sums[1] !== head.readUInt32BE(28)) return undefined
  const start: WalPlace = { salts: head.toString('hex', 16, 24), sequence: head.readUInt32BE(12), offset: headBytes, sums }
  return { pageSize: head.readUInt32BE(8), start, bigEndian }
}

/** Everything that was committed from a place on. Frames of a transaction that runs, and those that are half written, are left for the next time. */
export const readWalTail = (file: number, { pageSize, bigEndian }: WalHead, from: WalPlace): WalTail => {
  const pages = new Map<number, Buffer>()
  let running = new Map<number, Buffer>()
  let size: number | undefined
  let place = from
  let { offset, sums } = from
  for (;;) {
    const frame = readAt(file, offset, frameHeadBytes + pageSize)
    if (frame.length < frameHeadBytes + pageSize || frame.toString('hex', 8, 16) !== from.salts) break
    const page = frame.subarray(frameHeadBytes)
    sums = sumOf(page, sumOf(frame.subarray(0, 8), sums, bigEndian), bigEndian)
    if (sums[0] !== frame.readUInt32BE(16) || sums[1] !== frame.readUInt32BE(20)) break
    running.set(frame.readUInt32BE(0), page)
    offset += frame.length
    const committed = frame.readUInt32BE(4)
    if (committed === 0) continue
    for (const [number, bytes] of running) pages.set(number, bytes)
    running = new Map()
    size = committed
    place = { ...from, offset, sums }
  }
  return { pages, size, place }
}

/** Is there a frame of this generation of the log at a place? */
export const hasFrameOf = (file: number, salts: string, offset: number): boolean => readAt(file, offset + 8, 8).toString('hex') === salts
