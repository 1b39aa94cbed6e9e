import Protections

/// For each protection a seed that breaks a rule without it and passes with it: the lowest there was. When decisions
/// change, other seeds may be the ones; the search up to `limit` finds them, and
/// `deploy/simulate --protections` prints a new table.
enum KnownSeeds {
  static let limit: UInt64 = 12_000

  static let without: [Protection: UInt64] = [
    .fenceCompare: 18,
    .identityInScript: 5,
    .notAfter: 991,
    .outboxInScript: 1,
    .twoPhaseRelease: 326,
    .lease: 4,
    .leaseAfterReport: 134,
    .leaseCoversEpoch: 134,
    .replyAfterAcknowledgement: 231,
    .outboxDeletedAfterAcknowledgement: 1,
    .noUnderLease: 941,
    .lookUnderLease: 1174,
    .releaseUnderLease: 4280,
    .eventCarriesScriptEpoch: 74,
    .highestEpochCounts: 44,
    .leaseByWriting: 4,
    .wait: 387,
    .waitFromAcknowledgement: 1825,
    .barrierInEveryPartition: 27,
    .waitForPostgres: 115,
    .seqAboveReleasedRows: 6,
    .rebuildToken: 176,
    .newEpochAfterSwap: 1433,
    .epochInTrigger: 45,
    .deadLettersHeld: 74,
    .voidRule: 31,
    .barrierMaximum: 2428,
    .seqCompare: 28,
    .releasedRequestsRemembered: 13,
    .preheatWhilePreparing: 24,
    .outboxPublishedFirst: 32,
    .outboxClearedAtSwap: 30,
    .swapComparesEpoch: 256,
  ]
}
