/** One manager for many processes. */
export * as Address from "./Address.ts"
export * as DaemonClient from "./DaemonClient.ts"
export {
  type CallFailure,
  type ConnectionOptions,
  DaemonConnection,
  type DaemonRpc,
  type LinkError,
  type LinkRefused
} from "./DaemonConnection.ts"
export { DaemonServer, type DaemonServerOptions } from "./DaemonServer.ts"
export * as Errors from "./Errors.ts"
export * as Launcher from "./Launcher.ts"
export { defaultLimits, type Limits } from "./Limits.ts"
export * as Lock from "./Lock.ts"
export * as Places from "./Places.ts"
export * as Protocol from "./Protocol.ts"
export * as Tokens from "./Tokens.ts"
