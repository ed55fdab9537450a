/** The resources of the machine as pools of a resource manager. */
export * as Host from "./Host.ts"
export { HostUnreadable, InvalidHostOption } from "./HostErrors.ts"
export * as HostLimits from "./HostLimits.ts"
export { OperatingSystem } from "./OperatingSystem.ts"
export { HostPressure, type PressureStatus } from "./HostPressure.ts"
export * as Pressure from "./Pressure.ts"
export type { PressedPool, PressureOptions, PressureThresholds } from "./PressureOptions.ts"
export * as Psi from "./Psi.ts"
