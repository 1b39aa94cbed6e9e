import Foundation
import TestSupport

/// What nobody should ever write into the topic.
let poisonFaults = [
  Fault(row: 18, name: "poison", breaks: [.topic]) { sale, random in
    try sale.sell(Int.random(in: 100...300, using: &random))
    let topic = Topic(sale)
    try sale.injure("poison", back: .worker(withinMs: 10_000)) {
      let sample = try topic.records().randomElement(using: &random)
      guard let event = sample?.payload, let key = sample?.key else { return nil }
      var doses = try poison(event, key: String(decoding: key, as: UTF8.self), sale, &random)
      doses.shuffle(using: &random)
      let places = try sale.whileWritingTopic {
        for index in doses.indices {
          doses[index].partition = Int.random(in: 0..<Deployment.partitions, using: &random)
          let dose = doses[index]
          try topic.add(dose.payload, key: dose.key, to: dose.partition, folder: sale.folder)
        }
        return try note(doses, in: topic, sale)
      }
      guard let places else { return nil }
      return areBuried(places, sale) ? "\(places.count) records, each a dead letter" : nil
    }
    try sale.sellMore(100)
  }
]

private struct Dose {
  let reason: String
  let key: String?
  let payload: [UInt8]?
  var partition = 0

  init(_ reason: String, key: String?, _ payload: [UInt8]?) {
    (self.reason, self.key, self.payload) = (reason, key, payload)
  }

  init(_ reason: String, key: String?, _ text: String) {
    self.init(reason, key: key, Array(text.utf8))
  }
}

/// One of each kind, made from a real event.
private func poison(
  _ event: [UInt8], key: String, _ sale: Sale, _ random: inout Seeded
) throws -> [Dose] {
  let activity = sale.deployment.activity
  let above = sale.plan.stock + Int.random(in: 1...1_000, using: &random)
  func made(
    v: String = "1", type: String = "claimed", activity: Int, slot: String, seq: String = "1"
  ) -> String {
    #"{"v":\#(v),"type":"\#(type)","activity":\#(activity),"slot":\#(slot),"seq":\#(seq),"epoch":1,"#
      + #""user":"poison","request":"p-\#(random.next())","time":1767225600000}"#
  }
  let cut = Int.random(in: 1..<event.count - 1, using: &random)
  let noise = (0..<200).map { _ in UInt8.random(in: 0...255, using: &random) }
  let huge = String(repeating: "x", count: Int.random(in: 800_000...1_000_000, using: &random))
  return [
    Dose("malformed", key: key, Array(event.prefix(cut))),
    Dose("malformed", key: key, #"{"v":1,"type":"claimed","user":"\#(huge)"}"#),
    Dose("malformed", key: key, event + [UInt8](repeating: UInt8(ascii: " "), count: 2_000)),
    Dose("malformed", key: key, [0] + noise),
    Dose("malformed", key: key, ""),
    Dose("malformed", key: key, nil as [UInt8]?),
    Dose("malformed", key: nil, "[]"),
    Dose("malformed", key: key, String(repeating: #"{"v":"#, count: 150)),
    Dose("malformed", key: key, made(v: "0", activity: activity, slot: "1")),
    Dose("malformed", key: key, made(v: #""1""#, activity: activity, slot: "1")),
    Dose("malformed", key: key, made(activity: activity, slot: "0")),
    Dose("malformed", key: key, made(activity: activity, slot: "1.5")),
    Dose("malformed", key: key, made(activity: activity, slot: "9007199254740993")),
    Dose("malformed", key: key, made(activity: activity, slot: "1", seq: "-1")),
    Dose("malformed", key: key, made(activity: 0, slot: "1")),
    Dose(
      "malformed", key: "barrier-1", #"{"v":1,"type":"barrier","epoch":0,"time":1767225600000}"#),
    Dose("unknown_activity", key: "7_1", made(activity: 7, slot: "1")),
    Dose(
      "slot_out_of_range", key: "\(activity)_\(above)", made(activity: activity, slot: "\(above)")),
    // A key that does not fit what it says.
    Dose("slot_out_of_range", key: key, made(activity: activity, slot: "4294967297")),
    Dose(
      "slot_out_of_range", key: "no key of ours",
      made(type: "released", activity: activity, slot: "\(above)")),
  ]
}

/// Finds each in the topic, and tells the checker; nil when one is not there.
private func note(_ doses: [Dose], in topic: Topic, _ sale: Sale) throws -> [Topic.Record]? {
  var found: Set<Topic.Record> = []
  let records = try topic.records()
  for dose in doses {
    let record = records.last {
      $0.partition == dose.partition && $0.payload == dose.payload
        && $0.key == dose.key.map { Array($0.utf8) } && !found.contains($0)
    }
    guard let record else { return nil }
    found.insert(record)
    sale.plant(partition: record.partition, offset: record.offset, reason: dose.reason)
  }
  return Array(found)
}

/// Whether each comes to be a dead letter: then no partition has stopped there.
private func areBuried(_ records: [Topic.Record], _ sale: Sale) -> Bool {
  let places = records.map { "(\($0.partition), \($0.offset))" }.joined(separator: ", ")
  let sql = """
    SELECT count(*)::text FROM dead_letter WHERE topic = '\(sale.deployment.topic)'
      AND (partition, "offset") IN (\(places))
    """
  return eventually(within: 20, everyMs: 50) {
    (try? sale.query(sql))?.first == "\(records.count)"
  }
}
