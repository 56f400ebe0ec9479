/** What a masked secret is shown as. */
export const mask = '[secret]'

const shortest = 6
const known = new Set<string>()
let pattern: RegExp | undefined

const escapePattern = (value: string): string => value.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

/** The forms a value takes when other code encodes it into a URL, JSON or Base64. */
const forms = (value: string): readonly string[] => [
  value,
  encodeURIComponent(value),
  JSON.stringify(value).slice(1, -1),
  Buffer.from(value).toString('base64').replace(/=+$/, ''),
]

/**
 * Makes a value unprintable: from now on it is masked in every log line wherever it appears, also inside longer texts.
 * Values under 6 characters are ignored, because masking them would eat ordinary words.
 * @returns forgets the value again (for short-lived ones such as recovery links)
 */
export const registerSecret = (value: string): (() => void) => {
  if (value.length < shortest) return () => undefined
  const added = forms(value).filter((form) => !known.has(form))
  for (const form of added) known.add(form)
  pattern = undefined
  return () => {
    for (const form of added) known.delete(form)
    pattern = undefined
  }
}

/** Longest first, so that a secret that contains another one is masked whole. */
const knownPattern = (): RegExp | undefined => {
  if (known.size === 0) return undefined
  pattern ??= new RegExp(
    [...known]
      .sort((a, b) => b.length - a.length)
      .map(escapePattern)
      .join('|'),
    'g',
  )
  return pattern
}

/** Shapes that are secret whoever made them. `$1` keeps the part that says what it was. */
const shapes: readonly (readonly [RegExp, string])[] = [
  // Synapse access, refresh and login tokens; tokens of the Matrix Authentication Service; appservice style.
  [/\b(?:syt|syr|syl|mat|mct|mar|mcr|mua|mxat|mxrt)_[A-Za-z0-9_=.+-]{8,}/g, mask],
  [/\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi, `$1 ${mask}`],
  [
    /\b((?:flow_token|itoken|access_token|refresh_token|login_token|loginToken|client_secret|token|key|password)=)[^&\s"'<>\\)]+/gi,
    `$1${mask}`,
  ],
  // Recovery keys: Base58 of 35 bytes that begin with 8b 01, in groups of four or in one piece; always "Es…".
  [/\bEs[1-9A-HJ-NP-Za-km-z]{2}(?:[ \u00a0-]?[1-9A-HJ-NP-Za-km-z]{4}){11}\b/g, mask],
  // Bodies of exported keys and certificates.
  [/-----BEGIN [A-Z ]*(?:PRIVATE KEY|SESSION DATA)-----[\s\S]*?(?:-----END [A-Z ]+-----|$)/g, mask],
]

/**
 * Masks everything secret in a text: registered values in any of their forms, and known shapes of tokens, keys and links.
 * @example maskSecrets('GET /x?access_token=syt_abc') // 'GET /x?access_token=[secret]'
 */
export const maskSecrets = (text: string): string => {
  let masked = text
  const values = knownPattern()
  if (values !== undefined) masked = masked.replace(values, mask)
  for (const [shape, replacement] of shapes) masked = masked.replace(shape, replacement)
  return masked
}

const secretNames = new Set([
  'password',
  'passwd',
  'passphrase',
  'token',
  'accesstoken',
  'refreshtoken',
  'logintoken',
  'apitoken',
  'secret',
  'clientsecret',
  'authorization',
  'proxyauthorization',
  'cookie',
  'setcookie',
  'recoverykey',
  'securitykey',
  'privatekey',
  'secretkey',
  'storekey',
  'picklekey',
  'sessionkey',
  'recoverylink',
  'flowtoken',
  'itoken',
  'credentials',
  'link',
])

/** Is a field of this name secret whatever it holds? `access_token`, `accessToken` and `Access-Token` are the same name. */
export const isSecretName = (name: string): boolean => secretNames.has(name.toLowerCase().replace(/[^a-z0-9]/g, ''))
