/** What a daemon keeps at most, for one client and for all. Each is refused with an error of its own. */
import { messageBytesDefault } from "./Protocol.ts"

export interface Limits {
  /** The longest message from a client. A longer one cuts its connection. */
  readonly messageBytes: number
  readonly connections: number
  readonly sessions: number
  /** Commands of a session that are not acknowledged: waiting claims, mostly. */
  readonly commandsPerSession: number
  /** Leases that a session holds or waits for. */
  readonly leasesPerSession: number
  /** Streams of a connection. */
  readonly streamsPerConnection: number
  /** Calls of a connection under way, of whatever kind: over it, it is cut. */
  readonly callsPerConnection: number
  /** What is kept of answers that a client does not read. Over it, it is cut. */
  readonly outgoingBytes: number
  /** How long a connection may take to say who it is. */
  readonly helloMillis: number
  /** Pools that clients may register. */
  readonly registrations: number
}

export const defaultLimits: Limits = {
  messageBytes: messageBytesDefault,
  connections: 1_024,
  sessions: 4_096,
  commandsPerSession: 16_384,
  leasesPerSession: 65_536,
  streamsPerConnection: 64,
  callsPerConnection: 32_768,
  outgoingBytes: 8 * 1024 * 1024,
  helloMillis: 10_000,
  registrations: 1_000
}
