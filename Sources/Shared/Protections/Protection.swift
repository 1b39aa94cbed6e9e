/// The rules that keep a `claimed` true through the loss of Redis, each with what holds it up.
///
/// The test build (`TEST_SWITCHES`) can take them out one at a time, to show that each is needed and that the
/// tests notice; anywhere else `isOn` is the constant true and costs nothing. What stands in Lua is taken out by
/// the scripts' mutants and in their model instead, and is named here for the model.
public enum Protection: String, CaseIterable, Sendable {
  // In the scripts.
  case fenceCompare, identityInScript, notAfter, outboxInScript, twoPhaseRelease
  // DrawService.
  case lease, leaseAfterReport, leaseCoversEpoch, replyAfterAcknowledgement
  case outboxDeletedAfterAcknowledgement, noUnderLease, lookUnderLease, releaseUnderLease
  case eventCarriesScriptEpoch, highestEpochCounts, leaseByWriting
  // Recovery.
  case wait, waitFromAcknowledgement, barrierInEveryPartition, waitForPostgres
  case seqAboveReleasedRows, rebuildToken, newEpochAfterSwap, epochInTrigger, deadLettersHeld
  // Applying and preheat.
  case voidRule, barrierMaximum, seqCompare, releasedRequestsRemembered, preheatWhilePreparing
  // Not for safety, but for service.
  case outboxPublishedFirst, outboxClearedAtSwap, swapComparesEpoch

  /// Whether the code has to keep it: always, but in a test that takes it out.
  @inlinable
  public var isOn: Bool {
    #if TEST_SWITCHES
      !Protections.isRemoved(self)
    #else
      true
    #endif
  }
}

#if TEST_SWITCHES
  import Glibc
  import Synchronization

  /// What the test build has taken out: for a process by `SLIDING_STOCK_TEST_WITHOUT=name,name`, for a simulation by
  /// `without`.
  public enum Protections {
    private static let removed = Atomic<UInt64>(fromEnvironment())

    public static func isRemoved(_ protection: Protection) -> Bool {
      removed.load(ordering: .relaxed) & bit(protection) != 0
    }

    /// Runs `body` with these taken out, in the whole process.
    public static func without<Result, Failure: Error>(
      _ protections: [Protection], _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
      let before = removed.load(ordering: .relaxed)
      removed.store(protections.reduce(before) { $0 | bit($1) }, ordering: .relaxed)
      defer { removed.store(before, ordering: .relaxed) }
      return try body()
    }

    private static func bit(_ protection: Protection) -> UInt64 {
      1 << UInt64(Protection.allCases.firstIndex(of: protection)!)
    }

    private static func fromEnvironment() -> UInt64 {
      guard let text = getenv("SLIDING_STOCK_TEST_WITHOUT") else { return 0 }
      return String(cString: text).split(separator: ",").reduce(0) { mask, name in
        guard let protection = Protection(rawValue: String(name)) else {
          fatalError("SLIDING_STOCK_TEST_WITHOUT names no protection: \(name)")
        }
        return mask | bit(protection)
      }
    }
  }
#endif
