internal import Synchronization
internal import Threads

/// The lease as all threads see it: written by the lease's thread alone.
final class LeaseHolder: Sendable {
  /// Nanoseconds on CLOCK_BOOTTIME; 0: never.
  private let validUntil = Atomic<Int64>(0)
  private let highestEpoch = Atomic<Int64>(0)

  /// The epoch goes first: whoever sees a renewed lease sees every epoch that was read before it.
  func publish(_ lease: Lease) {
    highestEpoch.store(lease.highestEpoch, ordering: .releasing)
    validUntil.store(lease.validUntil?.nanoseconds ?? 0, ordering: .releasing)
  }

  /// The lease now. Reads the clock: once a batch is enough, after the last reply or report of the batch.
  func view() -> LeaseView {
    let now = BootTime.now
    let until = validUntil.load(ordering: .acquiring)
    return LeaseView(
      isValid: now.nanoseconds < until, highestEpoch: highestEpoch.load(ordering: .acquiring))
  }

  /// What scripts are told: nothing below it is good.
  var epochSeen: Int64 { highestEpoch.load(ordering: .acquiring) }
}
