// Stands for packages that matrix-bot-sdk loads but that Gatehouse never uses: the native crypto library (not an npm file), the deprecated
// HTTP client (every call passes our gate), the appservice web server and HTML tools. Touching one is a bug and says so.
const refuse = () => {
  throw new Error('this part of matrix-bot-sdk is not available in Gatehouse')
}
module.exports = new Proxy(function absent() {}, {
  get: (target, name) => (name === '__esModule' || typeof name === 'symbol' ? undefined : module.exports),
  apply: refuse,
  construct: refuse,
})
