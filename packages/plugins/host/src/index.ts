/** The resources of the machine as pools of a resource manager. */
export * as Host from "./Host.ts"
export { HostUnreadable, InvalidHostOption } from "./HostErrors.ts"
export * as HostLimits from "./HostLimits.ts"
export { OperatingSystem } from "./OperatingSystem.ts"
