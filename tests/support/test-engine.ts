/**
 * Variables that choose the bot's encryption engine in the server tests: `GATEHOUSE_TEST_ENGINE=native` and `GATEHOUSE_TEST_NATIVE_LIBRARY=<file>` run
 * them on the native build, as far as it can do what they are about (`docs/native-engine.md`). Default: the build that the bot comes with.
 * @throws Error when the library is not named
 */
export const testEngine = (): Readonly<Record<string, string>> => {
  const { GATEHOUSE_TEST_ENGINE: engine, GATEHOUSE_TEST_NATIVE_LIBRARY: library } = process.env
  if (engine !== 'native') return {}
  if (library === undefined) throw new Error('GATEHOUSE_TEST_ENGINE=native needs GATEHOUSE_TEST_NATIVE_LIBRARY, the file of the library')
  return { GATEHOUSE_CRYPTO_ENGINE: 'native', GATEHOUSE_CRYPTO_NATIVE_LIBRARY: library, GATEHOUSE_CRYPTO_BACKUP: 'false' }
}
