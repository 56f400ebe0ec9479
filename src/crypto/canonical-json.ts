/**
 * Canonical JSON (spec, appendix "Canonical JSON"): keys in order of their code points, no spaces. What is signed is signed in this form.
 * @param value plain JSON
 */
export const canonicalJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const keys = Object.keys(value).toSorted(byCodePoints)
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonicalJson((value as Readonly<Record<string, unknown>>)[key])}`).join(',')}}`
}

// In UTF-8 the order of bytes is that of code points; JavaScript compares UTF-16.
const byCodePoints = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))
