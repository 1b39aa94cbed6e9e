import Testing

@testable import Checker

/// A round that proves nothing is told as such.
@Suite struct ProofTests {
  struct Empty: Sendable, CustomTestStringConvertible {
    let problem: String
    let change: @Sendable (inout Scene) -> Void
    init(_ problem: String, _ change: @escaping @Sendable (inout Scene) -> Void) {
      (self.problem, self.change) = (problem, change)
    }
    var testDescription: String { problem }
  }

  private static let cases: [Empty] = [
    Empty("nothing was broken") { $0.round.injuries = [] },
    Empty("flush: nothing shows that it happened") { $0.round.injuries[0].isShown = false },
    Empty("flush: back 'soon' is unknown") { $0.round.injuries[0].back = "soon" },
    Empty("flush: names who comes back, and nothing has to") {
      $0.round.injuries[0].back = "none"
      $0.round.injuries[0].services = [0]
    },
    Empty("flush: partition 2 is none") { $0.round.injuries[0].partitions = [2] },
    Empty("nobody was told a slot") { $0.told = [] },
    Empty("the crowd did not end: late") { $0.report.unfinished = "late" },
    Empty("nobody asked again at the end") { $0.report.confirmed = nil },
    Empty("Postgres was not looked at") { scene in
      scene.samples.removeAll { $0.contains("postgres") }
    },
    Empty("Redis was not looked at") { scene in
      scene.samples.removeAll { $0.contains("redis") }
    },
    Empty("no process of worker was looked at") { scene in
      scene.samples.removeAll { $0.contains("worker-1") }
    },
    Empty("no bounds of worker") { $0.round.bounds["worker"] = nil },
    Empty("no bounds of processes") { $0.round.bounds = [:] },
    Empty("1@0 was planted as malformed, and is none by the topic") {
      $0.round.planted = [Round.Planted(partition: 1, offset: 0, reason: "malformed")]
    },
  ]

  @Test(arguments: cases) func isToldAsNoProof(_ empty: Empty) throws {
    var scene = Scene.clean()
    empty.change(&scene)
    #expect(try scene.verdict().problems.contains(empty.problem))
  }

  /// No evidence is no proof: a file that is missing or broken throws.
  @Test(arguments: [
    "round.json", "report.json", "told.jsonl", "samples.jsonl", "topic.events", "topic.control",
    "redis/fence.json", "redis/activities.json", "redis/7.stock.json", "redis/7.locks.json",
    "redis/7.users.json", "redis/7.free.json", "redis/7.outbox.json", "postgres/deployment.csv",
    "postgres/activity.csv", "postgres/claim.csv", "postgres/released_request.csv",
    "postgres/consumer_offset.csv", "postgres/dead_letter.csv",
  ])
  func everyFileIsNeeded(_ name: String) throws {
    var scene = Scene.clean()
    scene.changed[name] = .some(nil)
    #expect(throws: Unreadable.self) { try scene.verdict() }
    for text in ["nonsense", "{\"a\":", "\"a\",\"b"] {
      scene.changed[name] = text
      #expect(throws: Unreadable.self, "\(text)") { try scene.verdict() }
    }
  }

  @Test(arguments: [
    (
      "told.jsonl",
      #"{"sentUs":1,"latencyUs":1,"service":0,"user":"a","call":"sing","answer":"pending"}"#
    ),
    (
      "told.jsonl",
      #"{"sentUs":1,"latencyUs":1,"service":0,"user":"a","call":"ask","answer":"perhaps"}"#
    ),
    (
      "told.jsonl",
      #"{"sentUs":1,"latencyUs":1,"service":0,"user":"a","call":"ask","answer":"claimed"}"#
    ),
    ("told.jsonl", #"{"sentUs":1,"latencyUs":1,"user":"a","call":"ask","answer":"pending"}"#),
    ("samples.jsonl", #"{"us":1,"of":"weather"}"#), ("samples.jsonl", #"{"us":1,"of":"redis"}"#),
    ("samples.jsonl", #"{"us":1,"of":"postgres","epoch":1}"#),
    ("samples.jsonl", #"{"us":1,"of":"process","name":"draw-1"}"#),
    ("report.json", #"{"activity":8,"held":0,"undecided":0}"#),
    ("topic.events", "0 1 5 1 1\nkv\n"), ("topic.events", "0 0 5 1 1\nkvv\n"),
    ("topic.events", "0 0 5 1 9\nkv\n"), ("topic.events", "0 0 5 1\nkv\n"),
    ("postgres/deployment.csv", "one,epoch\n"),
    ("postgres/deployment.csv", "one,epoch\n\"t\",\"many\"\n"),
    ("postgres/deployment.csv", "one,epoch\n\"t\",\n"),
    ("postgres/deployment.csv", "one\n\"t\"\n"),
    ("postgres/deployment.csv", "one,epoch\n\"t\"\n"), ("redis/7.users.json", #"{"a":1}"#),
    ("redis/7.users.json", #"{"a":"\\x4"}"#),
  ])
  func halfAFileIsNone(_ name: String, _ text: String) throws {
    var scene = Scene.clean()
    scene.changed[name] = text
    #expect(throws: Unreadable.self) { try scene.verdict() }
  }
}
