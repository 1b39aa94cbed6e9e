// swift-tools-version: 6.2
import PackageDescription

/// What every target of ours is built with.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  // Lets tests take a rule out and hold a step; never in a release.
  .define("TEST_SWITCHES", .when(configuration: .debug)),
]

/// A target in `Sources/Shared`, one responsibility each.
func shared(
  _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Sources/Shared/\(name)", resources: resources,
    swiftSettings: strict)
}

/// A C library of Debian's, imported by its one client target only.
func library(_ name: String, pkgConfig: String? = nil, apt: [String]) -> Target {
  .systemLibrary(
    name: name, path: "Sources/Shared/\(name)", pkgConfig: pkgConfig, providers: [.apt(apt)])
}

/// `FUZZ=1`, set by deploy/fuzz, or `BENCH=1`, set by deploy/bench: the services become libraries, so that this one
/// program can hold what is inside them.
let holder = ["Fuzz", "Bench"].first { Context.environment[$0.uppercased()] != nil }

func service(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]) -> Target {
  let path = "Sources/\(name)"
  if holder != nil {
    // Its `main` must not be the program's.
    let entry = ["-entry-point-function-name", "\(name)_main"].flatMap { ["-Xfrontend", $0] }
    return .target(
      name: name, dependencies: dependencies, path: path, resources: resources,
      swiftSettings: strict + [.unsafeFlags(entry)])
  }
  return .executableTarget(
    name: name, dependencies: dependencies, path: path, resources: resources,
    swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, path: "Tests/\(name)", swiftSettings: strict)
}

let package = Package(
  name: "sliding-stock",
  products: (holder.map { [$0] } ?? ["DrawService", "StockSyncWorker"])
    .map { .executable(name: $0, targets: [$0]) },
  targets: [
    // The C libraries, and the kernel's calls that Glibc's module hides.
    .systemLibrary(name: "CLinux", path: "Sources/Shared/CLinux"),
    library("CHiredis", apt: ["libhiredis-dev"]),  // its .pc carries a flag that SwiftPM refuses
    library("CRdKafka", pkgConfig: "rdkafka", apt: ["librdkafka-dev"]),
    library("CPq", pkgConfig: "libpq", apt: ["libpq-dev"]),

    // What both services stand on.
    shared("Threads", ["CLinux"]),
    shared("JSONBytes"),
    shared("Log", ["Threads", "JSONBytes"]),
    shared("Configuration", ["JSONBytes"]),
    shared("Stock", ["JSONBytes", "CLinux"]),
    shared("Protections"),
    shared("TestHolds", ["Log", "Threads"]),
    shared("RedisClient", ["CHiredis", "Threads"]),
    shared(
      "StockRecords", ["Stock", "RedisClient"], resources: [.embedInCode("records.lua")]),
    shared("KafkaClient", ["CRdKafka", "CLinux", "Threads"]),
    shared("ControlTopic", ["KafkaClient", "Stock", "Threads"]),
    shared("PostgresClient", ["CPq", "Threads"]),
    shared("HTTPServer", ["CLinux", "Threads"]),

    // The two services.
    service(
      "DrawService",
      [
        "Threads", "JSONBytes", "Log", "Configuration", "Stock", "StockRecords", "Protections",
        "TestHolds", "RedisClient", "KafkaClient", "ControlTopic", "HTTPServer",
      ],
      resources: [
        .embedInCode("Scripts/prologue.lua"),
        .embedInCode("Scripts/claim.lua"),
        .embedInCode("Scripts/release.lua"),
        .embedInCode("Scripts/acknowledge.lua"),
        .embedInCode("Scripts/look.lua"),
      ]),
    service(
      "StockSyncWorker",
      [
        "Threads", "JSONBytes", "Log", "Configuration", "Stock", "StockRecords", "Protections",
        "TestHolds", "RedisClient", "KafkaClient", "ControlTopic", "PostgresClient",
      ],
      resources: [
        .embedInCode("Preheat/server.lua"),
        .embedInCode("Preheat/preheat.lua"),
        .embedInCode("Preheat/open.lua"),
        .embedInCode("Migrations/0001_tables.sql"),
        .embedInCode("Migrations/0002_dead_letter_resolution.sql"),
        .embedInCode("Migrations/0003_fence_right.sql"),
        .embedInCode("Migrations/0004_activity_is_never_selective.sql"),
        .embedInCode("Commands/insert_activity.sql"),
        .embedInCode("Commands/read_activities.sql"),
        .embedInCode("Commands/read_preheat.sql"),
        .embedInCode("Commands/open_activity.sql"),
        .embedInCode("Commands/count_claims.sql"),
        .embedInCode("Keeper/surpluses.sql"),
        .embedInCode("Recovery/inspect.lua"),
        .embedInCode("Recovery/swap.lua"),
        .embedInCode("Recovery/fence.lua"),
        .embedInCode("Recovery/read_open.sql"),
        .embedInCode("Recovery/read_rebuild.sql"),
        .embedInCode("Recovery/rebuild_rows.sql"),
        .embedInCode("Recovery/rebuild_letters.sql"),
        .embedInCode("Recovery/advance_epoch.sql"),
        .embedInCode("Recovery/passed_barriers.sql"),
        .embedInCode("Apply/read_totals.sql"),
        .embedInCode("Apply/read_offsets.sql"),
        .embedInCode("Apply/lock_offsets.sql"),
        .embedInCode("Apply/advance_offsets.sql"),
        .embedInCode("Apply/apply_claims.sql"),
        .embedInCode("Apply/remember_releases.sql"),
        .embedInCode("Apply/bury.sql"),
        .embedInCode("Apply/change_surplus.sql"),
        .embedInCode("DeadLetters/list_dead_letters.sql"),
        .embedInCode("DeadLetters/lock_dead_letter.sql"),
        .embedInCode("DeadLetters/resolve_dead_letter.sql"),
        .embedInCode("DeadLetters/slot_holding.sql"),
        .embedInCode("Reconcile/trusted.lua"),
        .embedInCode("Reconcile/slots.lua"),
        .embedInCode("Reconcile/distrust.lua"),
        .embedInCode("Reconcile/finish_release.lua"),
        .embedInCode("Reconcile/give_back.lua"),
        .embedInCode("Reconcile/restore_user.lua"),
        .embedInCode("Reconcile/expire.lua"),
        .embedInCode("Reconcile/claims_of_range.sql"),
        .embedInCode("Reconcile/claims_of_slots.sql"),
        .embedInCode("Reconcile/letters_of_keys.sql"),
        .embedInCode("Reconcile/surplus_check.sql"),
        .embedInCode("Reconcile/kept_slot.sql"),
        .embedInCode("Reconcile/activities_by_retention.sql"),
      ]),

    // The local stack's broker for machines without a Kafka: librdkafka's mock cluster as a process.
    .executableTarget(
      name: "MockKafka", dependencies: ["CRdKafka", "Threads"], path: "deploy/local/MockKafka",
      swiftSettings: strict),

    // The crowd that draws, records what it was told and checks it afterwards.
    .systemLibrary(
      name: "CCurl", path: "Tests/CCurl", pkgConfig: "libcurl",
      providers: [.apt(["libcurl4-openssl-dev"])]),
    .executableTarget(
      name: "Crowd",
      dependencies: ["CCurl", "CLinux", "Threads", "RedisClient", "PostgresClient"],
      path: "Tests/Crowd", swiftSettings: strict),

    // The proof: what breaks the running pair, and what decides. The checker shares no code with the services.
    .target(name: "Checker", path: "Tests/Checker", swiftSettings: strict),
    .target(name: "Pictures", path: "Tests/Pictures", swiftSettings: strict),
    .executableTarget(
      name: "Faults",
      dependencies: [
        "Checker", "Pictures", "PostgresClient", "RedisClient", "TestSupport", "Threads",
      ],
      path: "Tests/Faults", exclude: ["rounds.csv", "soak.csv", "kills.csv"],
      swiftSettings: strict),

    // Tests; each starts the servers that it needs, through deploy/local.
    .target(
      name: "TestSupport", dependencies: ["CLinux", "Threads"], path: "Tests/TestSupport",
      swiftSettings: strict),
    .target(name: "C11Threads", path: "Tests/C11Threads"),
    // What the Lua scripts promise, as plain Swift: the differential test holds both together.
    .target(
      name: "ScriptModel", dependencies: ["RedisClient", "Protections"], path: "Tests/ScriptModel",
      swiftSettings: strict),
    tests(
      "CrowdTests",
      ["Crowd", "HTTPServer", "RedisClient", "PostgresClient", "Threads", "TestSupport"]),
    tests("CheckerTests", ["Checker", "KafkaClient", "TestSupport"]),
    tests("ThreadsTests", ["Threads"]),
    tests("JSONBytesTests", ["JSONBytes", "TestSupport"]),
    tests("LogTests", ["Log", "JSONBytes", "Threads", "TestSupport"]),
    tests("ConfigurationTests", ["Configuration"]),
    tests("StockTests", ["Stock", "JSONBytes", "TestSupport"]),
    tests("TestSupportTests", ["TestSupport", "Threads"]),
    tests("HTTPServerTests", ["HTTPServer", "Threads", "TestSupport"]),
    tests("RedisClientTests", ["RedisClient", "Threads", "TestSupport"]),
    tests(
      "KafkaClientTests", ["KafkaClient", "CRdKafka", "Threads", "TestSupport", "C11Threads"]),
    tests(
      "ControlTopicTests",
      ["ControlTopic", "CRdKafka", "KafkaClient", "Stock", "Threads", "TestSupport"]),
    tests("PostgresClientTests", ["PostgresClient", "Threads", "TestSupport"]),
    tests(
      "DrawServiceTests",
      [
        "DrawService", "Stock", "StockRecords", "ScriptModel", "Protections", "RedisClient",
        "KafkaClient", "ControlTopic", "HTTPServer", "Configuration", "JSONBytes", "Log", "Threads",
        "TestSupport",
      ]),
    tests(
      "StockSyncWorkerTests",
      [
        "StockSyncWorker", "Stock", "StockRecords", "Protections", "RedisClient", "KafkaClient",
        "PostgresClient", "Configuration", "JSONBytes", "Log", "Threads", "TestSupport",
      ]),
    tests("FaultsTests", ["Faults", "TestSupport", "Threads"]),
    // The whole pair under virtual time: the real decisions, played stores.
    tests(
      "SimulationTests",
      [
        "DrawService", "StockSyncWorker", "ScriptModel", "Stock", "StockRecords", "Protections",
        "RedisClient", "KafkaClient", "PostgresClient", "HTTPServer", "Threads", "TestSupport",
      ]),
    tests(
      "PairTests",
      ["Crowd", "CCurl", "RedisClient", "JSONBytes", "Threads", "TestSupport"]),
  ]
)

if holder == "Fuzz" {
  package.targets.append(
    .executableTarget(
      name: "Fuzz",
      dependencies: [
        "DrawService", "StockSyncWorker", "CHiredis", "Configuration", "HTTPServer", "JSONBytes",
        "RedisClient", "Stock", "StockRecords", "Threads",
      ],
      path: "Tests/Fuzz", exclude: ["Corpus"], swiftSettings: strict))
}

if holder == "Bench" {
  package.targets.append(
    .executableTarget(
      name: "Bench",
      dependencies: [
        "DrawService", "CLinux", "HTTPServer", "KafkaClient", "Log", "Pictures", "RedisClient",
        "Stock", "StockRecords", "Threads",
      ],
      path: "Tests/Bench", swiftSettings: strict))
}
