/** Node's timers fire at once where they are to wait for longer than this: 24.8 days. */
const timerMillisMax = 2 ** 31 - 1

/** A wait that a timer can do. One that is cut short ends early: whoever waits looks again. */
export const timerMillis = (millis: number): number => Math.min(Math.max(1, Math.ceil(millis)), timerMillisMax)

/** Whether one timer can do all of a wait. */
export const fitsTimer = (millis: number): boolean => millis <= timerMillisMax

/** How long a TCP peer may be silent before the kernel asks whether it is there. */
export const keepAliveMillis = 30_000
