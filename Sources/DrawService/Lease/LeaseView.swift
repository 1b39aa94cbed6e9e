internal import Protections

/// The lease at one moment: to be taken after whatever it is to vouch for.
struct LeaseView: Sendable, Equatable {
  let isValid: Bool
  /// The highest epoch that this instance has seen; 0: none.
  let highestEpoch: Int64

  init(isValid: Bool, highestEpoch: Int64) {
    self.isValid = isValid || !Protection.lease.isOn
    self.highestEpoch = highestEpoch
  }

  /// Whether what stands in Redis under this epoch is final: nothing of it can be void.
  func covers(_ epoch: Int64) -> Bool {
    isValid && (highestEpoch <= epoch || !Protection.leaseCoversEpoch.isOn)
  }
}
