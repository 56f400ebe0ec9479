import { parseArgs } from 'node:util'
import type { Amounts, CommandCount, StartCount } from './parts.ts'
import {
  arrivalCommand,
  arrivalRooms,
  arrive,
  countCommand,
  countStart,
  measureArrivals,
  measurePings,
  measureStarts,
  memoryAfter,
  newcomer,
} from './parts.ts'
import { machineOf, rowsTable, versionsOf, writeReport, type Report, type Row } from './report.ts'
import { benchEncryption } from './encryption.ts'
import { benchStore } from './store.ts'
import { median, percentile, type Pairs } from './statistics.ts'
import { startTown, type Town } from './town.ts'

const usage = `npm run bench [-- options]

  --quick   few rounds: shows that all works, the figures mean little
  --json    print everything as JSON instead of the table
  --encryption  only the first encrypted message into 50 and 500 members, and the next ones
  --store   only the crypto store: size, memory and time to open with 1,000 to 100,000 sessions
  --write   put the table into bench/README.md`

const full: Amounts = { pings: 200, arrivals: 20, starts: 7, commands: 1000, manyRooms: 300 }
const quick: Amounts = { pings: 20, arrivals: 3, starts: 2, commands: 50, manyRooms: 40 }

const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`
const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
const atMost = (what: string, count: number, aim: number): Row => ({
  what,
  bot: String(count),
  aim: `≤ ${aim}`,
  met: count <= aim,
})
const compared = (what: string, times: Pairs, p: number, aim: number): Row => {
  const ratio = times.ratio(p)
  return { what, bot: ms(percentile(times.bot, p)), floor: ms(percentile(times.floor, p)), ratio, aim: `≤ ${aim} ×`, met: ratio <= aim }
}
const startTime = (rooms: string, times: Pairs): Row => ({
  what: `warm start to the first answer, ${rooms}, median`,
  bot: ms(median(times.bot)),
  floor: ms(median(times.floor)),
  ratio: times.ratio(50),
  aim: '≤ 1500 ms',
  met: median(times.bot) <= 1500,
})

const measure = async (town: Town, amounts: Amounts, say: (line: string) => void): Promise<Pick<Report, 'rows' | 'details'>> => {
  const { demo } = town
  const rows: Row[] = []
  const details: Record<string, unknown> = {}
  const memoryRow = (what: string, bytes: number, aim?: number): Row => ({
    what,
    bot: mebibytes(bytes),
    ...(aim === undefined ? {} : { aim: `≤ ${aim} MiB`, met: bytes <= aim * 2 ** 20 }),
  })

  // The first start made an identity and compiled everything: what is measured is an ordinary one.
  await town.switchBot(false)
  say(`!ping and the floor by turns, ${amounts.pings} of each …`)
  const pings = await measurePings(town, amounts)
  details['ping'] = pings
  rows.push(
    compared('`!ping` to the decrypted answer, p50', pings.times, 50, 1.15),
    compared('`!ping` to the decrypted answer, p95', pings.times, 95, 1.3),
    {
      what: 'processor time per encrypted command',
      bot: ms(pings.botCpu),
      floor: ms(pings.floorCpu),
      ratio: pings.botCpu / pings.floorCpu,
    },
    atMost('timeline events per short command', pings.events, 2),
    memoryRow('memory after start', pings.memoryAfterStart, 150),
  )

  say(`${amounts.commands} commands, for the memory …`)
  const memory = await memoryAfter(town, amounts.commands)
  rows.push(memoryRow(`memory after ${amounts.commands} more commands`, memory))

  say(`${amounts.starts} warm starts …`)
  const starts = await measureStarts(town, amounts)
  details['starts'] = starts
  rows.push(startTime('10 rooms', starts))

  say('Counting requests …')
  await town.switchBot(true)
  await town.quiet()
  const counted = async (name: string, count: Promise<StartCount | CommandCount>): Promise<void> => void (details[name] = await count)
  const few = await countStart(town)
  await counted('warm start, 10 rooms', Promise.resolve(few))
  rows.push(atMost('requests of a warm start, 10 rooms', few.matrix, 10))
  const rooms = await countCommand(town, '!rooms')
  details['!rooms'] = rooms
  rows.push(atMost('reads of `!rooms`', rooms.reads, 0))
  const one = await newcomer(town, true)
  await town.quiet()
  const adduser = await countCommand(town, arrivalCommand(one))
  details['!adduser'] = adduser
  const r = arrivalRooms.length
  rows.push(
    atMost(`\`!adduser\` with ${r} rooms: requests to Authentik`, adduser.authentik, 9),
    atMost(`\`!adduser\` with ${r} rooms: requests to Matrix`, adduser.matrix, r + 8),
  )
  const two = await newcomer(town, true)
  await town.quiet()
  const whole = await countCommand(town, arrivalCommand(two), async () => await arrive(town, two))
  details['whole arrival'] = whole
  rows.push({
    what: 'the whole arrival, with welcome and graduation: requests',
    bot: `${whole.authentik} to Authentik, ${whole.matrix} to Matrix`,
  })

  say(`!adduser and its chain of requests by turns, ${amounts.arrivals} of each …`)
  await town.switchBot(false)
  const arrivals = await measureArrivals(town, amounts)
  details['arrivals'] = arrivals
  rows.push(compared('`!adduser` to its final mark, p50', arrivals, 50, 2))

  say(`${amounts.manyRooms} rooms …`)
  await town.bot.stop()
  await town.addRooms(amounts.manyRooms - 10)
  await town.switchBot(true)
  await town.quiet()
  const many = await countStart(town)
  details[`warm start, ${amounts.manyRooms} rooms`] = many
  rows.push(atMost(`requests of a warm start, ${amounts.manyRooms} rooms`, many.matrix, 10))
  await town.switchBot(false)
  const manyStarts = await measureStarts(town, amounts)
  details[`starts, ${amounts.manyRooms} rooms`] = manyStarts
  rows.push(startTime(`${amounts.manyRooms} rooms`, manyStarts))
  const plain = demo.admin.database.plaintextMessages({ sender: demo.users.bot.userId })
  if (plain.length > 0) throw new Error('the bot sent clear text into an encrypted room: these figures are worth nothing')
  return { rows, details }
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    encryption: { type: 'boolean', default: false },
    store: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const say = (line: string): void => console.error(line)
if (values.help) console.log(usage)
else if (values.encryption) await benchEncryption({ write: values.write, say })
else if (values.store) await benchStore({ write: values.write, say })
else {
  const town = await startTown(say)
  try {
    const found = await measure(town, values.quick ? quick : full, say)
    const { server_version } = await town.demo.admin.request('GET', '/_synapse/admin/v1/server_version')
    const report: Report = {
      date: new Date().toISOString().slice(0, 10),
      machine: machineOf(town.demo.homeserver.databaseFile),
      versions: versionsOf(String(server_version)),
      ...found,
    }
    console.log(values.json ? JSON.stringify(report, undefined, 2) : rowsTable(report.rows))
    if (values.write) writeReport(report)
  } finally {
    await town.stop()
  }
}
