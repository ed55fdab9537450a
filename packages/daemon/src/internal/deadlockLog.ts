/** The last deadlocks that claims failed with. */
import type { DeadlockDetected } from "@resource-manager/core/Errors"
import type { Deadlocks, DetectedDeadlock } from "@resource-manager/core/WaitGraph"

const keptMax = 32

export class DeadlockLog {
  private total = 0
  private readonly kept: Array<DetectedDeadlock> = []

  add(error: DeadlockDetected): void {
    this.total++
    const { agent, claim, cycle } = error
    this.kept.unshift({ detectedAt: Date.now(), agent, claim, cycle })
    if (this.kept.length > keptMax) this.kept.pop()
  }

  /** Newest first. */
  read(): Pick<Deadlocks, "detectedTotal" | "detected"> {
    return { detectedTotal: this.total, detected: [...this.kept] }
  }
}
