/**
 * IndexedDB keys as text of bytes (code units 0-255) whose plain comparison is the order of IndexedDB
 * (https://w3c.github.io/IndexedDB/#compare-two-keys): SQLite can then keep rows in that order and answer ranges. Each key ends by itself, so
 * that none is the beginning of another and two can stand one behind the other.
 */

const tags = { number: 0x10, date: 0x20, string: 0x30, binary: 0x40, array: 0x50 } as const
const end = '\0'

const numberText = (value: number): string => {
  const bytes = Buffer.alloc(8)
  // -0 and 0 are the same key.
  bytes.writeDoubleBE(value === 0 ? 0 : value)
  // Positive: the sign bit set; negative: all bits turned. Then bytes compare as numbers do.
  const negative = bytes.readUInt8(0) >= 0x80
  return String.fromCharCode(...bytes.map((byte, index) => (negative ? byte ^ 0xff : index === 0 ? byte ^ 0x80 : byte)))
}

/** Of 8 bytes as `numberText` made them. */
const numberOf = (text: string): number => {
  const bytes = Buffer.from(text, 'latin1')
  const negative = bytes.readUInt8(0) < 0x80
  return Buffer.from(bytes.map((byte, index) => (negative ? byte ^ 0xff : index === 0 ? byte ^ 0x80 : byte))).readDoubleBE()
}

/** Two bytes where needed keep the zero byte free for the end, and the order of code units. */
const stringText = (value: string): string => {
  let text = ''
  for (let index = 0; index < value.length; index += 1) {
    const unit = value.charCodeAt(index)
    if (unit < 0x7f) text += String.fromCharCode(unit + 1)
    else if (unit < 0x3fff + 0x7f) text += String.fromCharCode(0x80 | ((unit - 0x7f) >> 8), (unit - 0x7f) & 0xff)
    else text += String.fromCharCode(0xc0 | (unit >> 14), (unit >> 6) & 0xff, (unit << 2) & 0xff)
  }
  return text
}

const binaryText = (value: Uint8Array): string =>
  // 0 and 1 get a 1 before them, so that 0 stays free for the end.
  [...value].map((byte) => (byte < 2 ? `\x01${String.fromCharCode(byte + 1)}` : String.fromCharCode(byte))).join('')

/**
 * The text of a key.
 * @param key valid and normalised (binary keys are `ArrayBuffer`), as the library hands it over
 * @throws TypeError for anything that is no IndexedDB key
 */
export const encodeKey = (key: unknown): string => {
  if (typeof key === 'string') return String.fromCharCode(tags.string) + stringText(key) + end
  if (typeof key === 'number') return String.fromCharCode(tags.number) + numberText(key)
  if (key instanceof Date) return String.fromCharCode(tags.date) + numberText(key.getTime())
  if (key instanceof ArrayBuffer) return String.fromCharCode(tags.binary) + binaryText(new Uint8Array(key)) + end
  if (Array.isArray(key)) return String.fromCharCode(tags.array) + key.map(encodeKey).join('') + end
  throw new TypeError(`no key of IndexedDB: ${typeof key}`)
}

const readString = (text: string, from: number): { key: string; next: number } => {
  let key = ''
  let next = from
  for (;;) {
    const first = text.charCodeAt(next)
    if (Number.isNaN(first)) throw new RangeError('a key in the crypto store has no end')
    if (first === 0) return { key, next: next + 1 }
    if (first < 0x80) {
      key += String.fromCharCode(first - 1)
      next += 1
    } else if (first < 0xc0) {
      key += String.fromCharCode((((first & 0x3f) << 8) | text.charCodeAt(next + 1)) + 0x7f)
      next += 2
    } else {
      key += String.fromCharCode(((first & 0x3f) << 14) | (text.charCodeAt(next + 1) << 6) | (text.charCodeAt(next + 2) >> 2))
      next += 3
    }
  }
}

const readBinary = (text: string, from: number): { key: ArrayBuffer; next: number } => {
  const bytes: number[] = []
  let next = from
  while (text.charCodeAt(next) !== 0) {
    if (next >= text.length) throw new RangeError('a key in the crypto store has no end')
    const escaped = text.charCodeAt(next) === 1 ? 1 : 0
    bytes.push(text.charCodeAt(next + escaped) - escaped)
    next += 1 + escaped
  }
  return { key: Uint8Array.from(bytes).buffer, next: next + 1 }
}

/**
 * Reads the key that begins at `from`, and where the next one begins.
 * @throws RangeError when the text is not one that `encodeKey` made
 */
export const decodeKey = (text: string, from = 0): { readonly key: unknown; readonly next: number } => {
  const start = from + 1
  switch (text.charCodeAt(from)) {
    case tags.number:
      return { key: numberOf(text.slice(start, start + 8)), next: start + 8 }
    case tags.date:
      return { key: new Date(numberOf(text.slice(start, start + 8))), next: start + 8 }
    case tags.string:
      return readString(text, start)
    case tags.binary:
      return readBinary(text, start)
    case tags.array: {
      const key: unknown[] = []
      let next = start
      while (text.charCodeAt(next) !== 0) {
        const item = decodeKey(text, next)
        key.push(item.key)
        next = item.next
      }
      return { key, next: next + 1 }
    }
    default:
      throw new RangeError('a row of the crypto store has no readable key')
  }
}
