// Prints the closing line of a test run, counted from vitest's JSON report. Runs on the machine's own Node.
// usage: node summary.mjs REPORT        exit code 1 when a test failed, none ran, or there is no report
import { readFileSync } from 'node:fs'

const read = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    console.log(`There is no report of the test run: ${error.message}`)
    return { testResults: [] }
  }
}

const files = read(process.argv[2]).testResults
const tests = files.flatMap((file) => file.assertionResults)
const having = (...states) => tests.filter((test) => states.includes(test.status)).length
const passed = having('passed')
const skipped = having('skipped', 'pending', 'todo', 'disabled')
// A file that breaks outside its tests (at import, in a hook) has failed as well.
const brokenFiles = files.filter(
  (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
).length
const failed = having('failed') + brokenFiles

console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
