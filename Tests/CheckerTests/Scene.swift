import Checker
import Foundation

/// A small sale as its evidence: what it left in every place, for a test to change.
///
/// The acts (`Scene+acts.swift`) keep all places in agreement; a second goes by with each.
struct Scene {
  struct Line: Encodable {
    var sentUs: Int
    var latencyUs = 5_000
    var service = 0
    var user: String
    var request: String?
    var keyed: Bool?
    var call: String
    var answer: String
    var slot: Int?
    var replayed: Bool?
    var code: String?
    var answeredAs: String?
  }
  struct Row {
    var seq: Int
    var state: String
    var user, request: String
    var epoch: Int
  }
  struct Release {
    var user, request: String
    var slot, seq, epoch: Int
  }
  struct Message {
    var key, payload: [UInt8]?
    var ms: Int
  }
  struct Letter {
    var partition, offset: Int
    var reason: String
    var key, payload: [UInt8]?
  }
  struct Report: Encodable {
    var activity = 7
    var held = 0
    var undecided = 0
    var confirmed: Int?
    var unfinished: String?
  }

  let activity = 7
  /// Seconds of the crowd's clock, in microseconds.
  var nowUs = 0
  var epoch = 1
  var seq = 0

  var round = Round(
    row: 6, fault: "test", seed: 1,
    activities: [Round.Activity(id: 7, stock: 5, limit: 1, untilHeld: true)], partitions: 2,
    claimDeadlineMs: 1_000, toldFromUs: 50_000_000, injuries: [],
    bounds: [
      "draw": Round.Bounds(rssKB: 1_000, descriptors: 100, threads: 10),
      "worker": Round.Bounds(rssKB: 1_000, descriptors: 100, threads: 10),
    ], planted: [], allows: [])
  var report = Report()
  var told: [Line] = []
  var topic: [Int: [Message]] = [0: [], 1: []]
  var control: [String] = [#"{"v":1,"type":"heartbeat","instance":"draw-1","time":1}"#]

  var listed = ["7"]
  var fence = ["epoch": "1", "fence": "run:repl"]
  var stock = [
    "total": "5", "used": "0", "seq": "0", "opens": "1", "closes": "99", "limit": "1",
    "state": "open", "epoch": "1", "fence": "run:repl", "locks": "0", "outbox": "0",
  ]
  var locks: [Int: String] = [:]
  var users: [String: String] = [:]
  var free: [String] = []
  var outbox = 0

  var deployment = 1
  var total = 5
  var surplus = 5
  var limit = 1
  var state = "open"
  var rows: [Int: Row] = [:]
  var releases: [Release] = []
  var positions: [Int: (next: Int, barrier: Int)] = [0: (0, 0), 1: (0, 0)]
  var letters: [Letter] = []
  var samples: [String] = []
  /// Files by their names below the folder that are written otherwise; nil: not at all.
  var changed: [String: String?] = [:]

  /// What the checker says about it.
  func verdict() throws -> Verdict {
    let folder = NSTemporaryDirectory() + "scene-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for name in ["redis", "postgres"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
    for (name, data) in try files() {
      if let other = changed[name] {
        if let other { try Data(other.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
      } else {
        try data.write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
      }
    }
    return try check(folder)
  }

  private func files() throws -> [String: Data] {
    let encoder = JSONEncoder()
    var files = [
      "round.json": try encoder.encode(round), "report.json": try encoder.encode(report),
      "told.jsonl": lines(
        try told.map { String(decoding: try encoder.encode($0), as: UTF8.self) }),
      "samples.jsonl": lines(samples),
      "redis/fence.json": try encoder.encode(fence),
      "redis/activities.json": try encoder.encode(listed),
      "redis/7.stock.json": try encoder.encode(stock),
      "redis/7.users.json": try encoder.encode(users),
      "redis/7.free.json": try encoder.encode(free),
      "redis/7.locks.json": try encoder.encode(
        Dictionary(uniqueKeysWithValues: locks.map { ("\($0.key)", $0.value) })),
      "redis/7.outbox.json": try encoder.encode(
        (0..<outbox).map { ["\($0)-0"] }),
      "topic.events": dump(topic),
      "topic.control": dump([
        0: control.map { Message(key: Array("k".utf8), payload: Array($0.utf8), ms: 1) }
      ]),
    ]
    for (name, data) in tables() { files["postgres/\(name).csv"] = data }
    return files
  }

  private func lines(_ lines: [String]) -> Data {
    Data(lines.map { $0 + "\n" }.joined().utf8)
  }

  private func dump(_ topic: [Int: [Message]]) -> Data {
    var data = Data()
    for (partition, messages) in topic.sorted(by: { $0.key < $1.key }) {
      for (offset, message) in messages.enumerated() {
        let lengths = "\(message.key?.count ?? -1) \(message.payload?.count ?? -1)"
        data += Data("\(partition) \(offset) \(message.ms) \(lengths)\n".utf8)
        data += Data(message.key ?? []) + Data(message.payload ?? []) + Data("\n".utf8)
      }
    }
    return data
  }

  private func tables() -> [String: Data] {
    func csv(_ head: String, _ rows: [[String?]]) -> Data {
      let values = rows.map { row in
        row.map { value in
          value.map { "\"" + $0.replacingOccurrences(of: "\"", with: "\"\"") + "\"" } ?? ""
        }.joined(separator: ",")
      }
      return lines([head] + values)
    }
    func hex(_ bytes: [UInt8]?) -> String? {
      bytes.map { "\\x" + $0.map { String(format: "%02x", $0) }.joined() }
    }
    return [
      "deployment": csv("one,epoch", [["t", "\(deployment)"]]),
      "activity": csv(
        "id,stock_total,stock_surplus,per_user_limit,state",
        [["7", "\(total)", "\(surplus)", "\(limit)", state]]),
      "claim": csv(
        "activity,slot,seq,state,usr,request,epoch",
        rows.map { slot, row in
          ["7", "\(slot)", "\(row.seq)", row.state, row.user, row.request, "\(row.epoch)"]
        }),
      "released_request": csv(
        "activity,usr,request,slot,seq,epoch",
        releases.map { ["7", $0.user, $0.request, "\($0.slot)", "\($0.seq)", "\($0.epoch)"] }),
      "consumer_offset": csv(
        "topic,partition,next,barrier_epoch",
        positions.map { ["t", "\($0.key)", "\($0.value.next)", "\($0.value.barrier)"] }),
      "dead_letter": csv(
        "topic,partition,offset,key,payload,reason,replayed_at,discarded_at",
        letters.map {
          [
            "t", "\($0.partition)", "\($0.offset)", hex($0.key), hex($0.payload), $0.reason, nil,
            nil,
          ]
        }),
    ]
  }
}
