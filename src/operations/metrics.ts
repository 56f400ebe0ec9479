/** The kinds of metric that Prometheus knows and we use. */
type Kind = 'counter' | 'gauge' | 'histogram'

interface Definition {
  readonly kind: Kind
  readonly help: string
  readonly labels: readonly string[]
  /** Upper bounds of a histogram, ascending. */
  readonly buckets?: readonly number[]
}

const seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const

/** Every metric of the program. The one list: `docs/metrics.md` is generated from it. Labels never hold ids of people or rooms. */
export const metricDefinitions = {
  gatehouse_build_info: {
    kind: 'gauge',
    help: 'Always 1; the labels say what is running.',
    labels: ['version', 'commit', 'engine', 'schema'],
  },
  gatehouse_ready: { kind: 'gauge', help: '1 when every readiness check is fine.', labels: [] },
  gatehouse_check_ok: { kind: 'gauge', help: '1 when this check of /readyz is fine.', labels: ['check'] },
  gatehouse_uptime_seconds: { kind: 'gauge', help: 'Seconds since the process started.', labels: [] },
  gatehouse_memory_bytes: { kind: 'gauge', help: 'Resident memory of the process.', labels: [] },
  gatehouse_cpu_seconds_total: { kind: 'counter', help: 'Processor time used by the process.', labels: [] },
  gatehouse_sync_last_success_timestamp_seconds: { kind: 'gauge', help: 'Unix time of the last successful /sync.', labels: [] },
  gatehouse_sync_total: { kind: 'counter', help: 'Answers to /sync.', labels: ['outcome'] },
  gatehouse_events_total: { kind: 'counter', help: 'Events taken into the journal.', labels: ['kind'] },
  gatehouse_undecryptable_total: { kind: 'counter', help: 'Events that could not be decrypted when they came.', labels: [] },
  gatehouse_commands_total: { kind: 'counter', help: 'Commands answered.', labels: ['command', 'outcome'] },
  gatehouse_command_seconds: { kind: 'histogram', help: 'From the event to the final answer.', labels: ['command'], buckets: seconds },
  gatehouse_effects_total: { kind: 'counter', help: 'Changes on a server, by kind and outcome.', labels: ['kind', 'outcome'] },
  gatehouse_requests_total: {
    kind: 'counter',
    help: 'Outgoing requests (each attempt), by server, route and outcome.',
    labels: ['server', 'method', 'route', 'outcome'],
  },
  gatehouse_request_seconds_total: {
    kind: 'counter',
    help: 'Time of these requests together.',
    labels: ['server', 'method', 'route', 'outcome'],
  },
  gatehouse_events_set_aside: {
    kind: 'gauge',
    help: 'Events over which the encryption engine broke and that are kept from it.',
    labels: [],
  },
  gatehouse_key_backup_ok: { kind: 'gauge', help: '0 when room keys are not backed up; /readyz says why and stays green.', labels: [] },
  gatehouse_journal_open: { kind: 'gauge', help: 'Events taken in and not yet handled.', labels: [] },
  gatehouse_outbox_queued: { kind: 'gauge', help: 'Messages not yet accepted by the homeserver.', labels: [] },
  gatehouse_jobs: { kind: 'gauge', help: 'Durable jobs by state.', labels: ['state'] },
  gatehouse_rows_deleted_total: {
    kind: 'counter',
    help: 'Rows that the housekeeping has deleted because they were old enough.',
    labels: ['table'],
  },
  gatehouse_database_bytes: { kind: 'gauge', help: 'Size of the database file.', labels: [] },
} as const satisfies Record<string, Definition>

type Definitions = typeof metricDefinitions
type NameOf<K extends Kind> = { [Name in keyof Definitions]: Definitions[Name]['kind'] extends K ? Name : never }[keyof Definitions]
type LabelsOf<Name extends keyof Definitions> = Readonly<Record<Definitions[Name]['labels'][number], string>>

const escapeLabel = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
const render = (labels: Readonly<Record<string, string>>): string => {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

interface HistogramSeries {
  readonly labels: Readonly<Record<string, string>>
  readonly counts: number[]
  count: number
  sum: number
}

/** A value of a gauge with its labels. */
export interface Sample<Labels> {
  readonly labels: Labels
  readonly value: number
}

/** Most label combinations one metric may have; further ones are dropped, so that no input can fill the memory. */
const mostSeries = 1000

/** Counts and measures of this process, and their text for Prometheus. One per program; parts receive it as a port. */
export class Metrics {
  readonly #values = new Map<string, Map<string, number>>()
  readonly #histograms = new Map<string, Map<string, HistogramSeries>>()
  readonly #collectors = new Map<string, () => readonly Sample<Readonly<Record<string, string>>>[]>()

  /** Adds to a counter. @param by at least 0, default 1 */
  count<Name extends NameOf<'counter'>>(name: Name, labels: LabelsOf<Name>, by = 1): void {
    const series = this.#values.get(name) ?? new Map<string, number>()
    this.#values.set(name, series)
    const key = render(labels)
    if (!series.has(key) && series.size >= mostSeries) return
    series.set(key, (series.get(key) ?? 0) + Math.max(0, by))
  }

  /** Adds a measurement to a histogram. @param value in the unit of the metric's name */
  observe<Name extends NameOf<'histogram'>>(name: Name, labels: LabelsOf<Name>, value: number): void {
    const all = this.#histograms.get(name) ?? new Map<string, HistogramSeries>()
    this.#histograms.set(name, all)
    const key = render(labels)
    const buckets = metricDefinitions[name].buckets
    const series = all.get(key) ?? { labels, counts: buckets.map(() => 0), count: 0, sum: 0 }
    if (!all.has(key) && all.size >= mostSeries) return
    all.set(key, series)
    series.count += 1
    series.sum += value
    buckets.forEach((bound, index) => {
      if (value <= bound) series.counts[index] = (series.counts[index] ?? 0) + 1
    })
  }

  /** Names where the values of a gauge or of a foreign counter come from. Asked anew at each scrape, so they cannot be stale. */
  collect<Name extends keyof Definitions>(name: Name, read: () => readonly Sample<LabelsOf<Name>>[]): void {
    this.#collectors.set(name, read)
  }

  #lines(name: keyof Definitions, definition: Definition): readonly string[] {
    const collected = (this.#collectors.get(name)?.() ?? []).map(({ labels, value }) => `${name}${render(labels)} ${value}`)
    const counted = [...(this.#values.get(name) ?? [])].map(([labels, value]) => `${name}${labels} ${value}`)
    const measured = [...(this.#histograms.get(name)?.values() ?? [])].flatMap((series) => [
      ...(definition.buckets ?? []).map(
        (bound, index) => `${name}_bucket${render({ ...series.labels, le: String(bound) })} ${series.counts[index] ?? 0}`,
      ),
      `${name}_bucket${render({ ...series.labels, le: '+Inf' })} ${series.count}`,
      `${name}_sum${render(series.labels)} ${series.sum}`,
      `${name}_count${render(series.labels)} ${series.count}`,
    ])
    return [...collected, ...counted, ...measured]
  }

  /** The text format of Prometheus, version 0.0.4. */
  text(): string {
    const blocks = (Object.entries(metricDefinitions) as [keyof Definitions, Definition][]).map(([name, definition]) =>
      [`# HELP ${name} ${definition.help}`, `# TYPE ${name} ${definition.kind}`, ...this.#lines(name, definition)].join('\n'),
    )
    return `${blocks.join('\n')}\n`
  }
}

/** `docs/metrics.md`. */
export const metricsDocument = (): string => {
  const rows = (Object.entries(metricDefinitions) as [string, Definition][]).map(
    ([name, { kind, help, labels }]) => `| \`${name}\` | ${kind} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  )
  return [
    '# Metrics',
    '',
    '<!-- Generated by `npm run generate` from src/operations/metrics.ts; do not edit. -->',
    '',
    'Served as Prometheus text on `/metrics` at `health.listen`. No label holds the id of a person or a room.',
    '',
    '| Name | Type | Labels | Meaning |',
    '|---|---|---|---|',
    ...rows,
    '',
  ].join('\n')
}
