import Checker

extension Scene {
  /// The sale that the tests begin with. All five slots end held: 1 by ann, 2 by bob who did not hear at first, 3 by dan after cat
  /// gave it back, 4 by eve whose first claim was void, 5 by gil who has no key; fay is too late.
  static func clean() -> Scene {
    var scene = Scene()
    scene.look()
    scene.claim("ann", "a1", 1)
    scene.claim("bob", "b1", 2, answer: "unknown")
    scene.tell("bob", "b1", "ask", "claimed", slot: 2, replayed: true)
    scene.claim("cat", "c1", 3)
    scene.release("cat", "c1", 3)
    scene.tell("cat", "c1", "ask", "released")
    scene.tell("eve", "e1", "ask", "later", code: "fenced")
    scene.claim("dan", "d1", 3, answer: "pending")
    let lost = scene.event("claimed", 4, scene.seq + 1, 1, "eve", "e1")
    let startUs = scene.monotonicUs
    scene.recover()
    scene.injure("flush", from: startUs, back: "draws")
    scene.injure("kill the worker", from: startUs, back: "worker")
    scene.publish(4, lost)
    scene.bury(4, "void_epoch")
    scene.tell("dan", "d1", "look", "claimed", slot: 3, replayed: true)
    scene.claim("eve", "e1", 4)
    scene.tell("gil", nil, "ask", "unknown")
    scene.claim("gil", "g1", 5, isKeyed: false)
    scene.tell("fay", "f1", "ask", "refused", code: "sold_out")
    scene.`repeat`(1)
    for (user, request, slot) in [
      ("ann", "a1", 1), ("bob", "b1", 2), ("dan", "d1", 3), ("eve", "e1", 4), ("gil", "g1", 5),
    ] { scene.tell(user, request, "look", "claimed", slot: slot, replayed: true) }
    (scene.report.held, scene.report.confirmed) = (5, 5)
    scene.look()
    return scene
  }

  var monotonicUs: Int64 { round.toldFromUs + Int64(nowUs) }

  /// An answer, a second after the last one.
  mutating func tell(
    _ user: String, _ request: String?, _ call: String, _ answer: String, slot: Int? = nil,
    replayed: Bool? = nil, code: String? = nil, isKeyed: Bool = true
  ) {
    told.append(
      Line(
        sentUs: nowUs, user: user, request: request, keyed: isKeyed ? nil : false, call: call,
        answer: answer, slot: slot, replayed: replayed, code: code))
    nowUs += 1_000_000
  }

  /// A claim that works, whatever the client is told of it.
  mutating func claim(
    _ user: String, _ request: String, _ slot: Int, answer: String = "claimed",
    isKeyed: Bool = true
  ) {
    seq += 1
    publish(slot, event("claimed", slot, seq, epoch, user, request))
    hold(user, request, slot)
    let isTold = answer == "claimed"
    tell(
      user, request, "ask", answer, slot: isTold ? slot : nil, replayed: isTold ? false : nil,
      isKeyed: isKeyed)
    look()
  }

  /// Both stores hold it with the seq of the moment.
  mutating func hold(_ user: String, _ request: String, _ slot: Int) {
    locks[slot] = "\(user) \(request) \(seq) \(epoch)"
    users[user] = users[user].map { "\($0),\(slot)" } ?? "\(slot)"
    rows[slot] = Row(seq: seq, state: "claimed", user: user, request: request, epoch: epoch)
    free.removeAll { $0 == "\(slot)" }
    count()
  }

  mutating func release(
    _ user: String, _ request: String, _ slot: Int, answer: String = "released"
  ) {
    let claimSeq = rows[slot]!.seq
    seq += 1
    publish(slot, event("released", slot, seq, epoch, user, request))
    locks[slot] = nil
    let before = users[user]!.split(separator: ",").dropLast().map { $0 + "," }.joined()
    users[user] = "\(before)\(request):\(slot):\(claimSeq):r"
    free.append("\(slot)")
    rows[slot] = Row(seq: seq, state: "released", user: user, request: request, epoch: epoch)
    releases.append(Release(user: user, request: request, slot: slot, seq: seq, epoch: epoch))
    count()
    tell(user, request, "giveBack", answer)
    look()
  }

  /// Redis is lost and made anew.
  mutating func recover() {
    epoch += 1
    control.append(#"{"v":1,"type":"epoch","epoch":\#(epoch),"time":1}"#)
    for partition in [0, 1] {
      append(partition, nil, #"{"v":1,"type":"barrier","epoch":\#(epoch),"time":1}"#)
      positions[partition]!.barrier = epoch
    }
    deployment = epoch
    (fence["epoch"], stock["epoch"]) = ("\(epoch)", "\(epoch)")
    nowUs += 1_000_000
    look()
  }

  mutating func injure(
    _ name: String, from startUs: Int64, back: String, withinMs: Int = 9_000,
    partitions: [Int] = []
  ) {
    round.injuries.append(
      Round.Injury(
        name: name, startUs: startUs, healedUs: monotonicUs, back: back, backWithinMs: withinMs,
        evidence: "seen", isShown: true, partitions: partitions))
  }

  /// The last event of a slot comes once more.
  mutating func `repeat`(_ slot: Int) {
    let partition = slot % 2
    let key = Array("7_\(slot)".utf8)
    let last = topic[partition]!.last { $0.key == key }!
    topic[partition]!.append(last)
    positions[partition]!.next += 1
  }

  /// A slot keeps to its partition.
  mutating func publish(_ slot: Int, _ payload: String, partition: Int? = nil) {
    append(partition ?? slot % 2, Array("7_\(slot)".utf8), payload)
  }

  mutating func append(_ partition: Int, _ key: [UInt8]?, _ payload: String) {
    topic[partition]!.append(Message(key: key, payload: Array(payload.utf8), ms: nowUs / 1_000))
    positions[partition]!.next += 1
  }

  /// The last message of a slot's partition is a dead letter.
  mutating func bury(_ slot: Int, _ reason: String) {
    let partition = slot % 2
    let last = topic[partition]!.last!
    letters.append(
      Letter(
        partition: partition, offset: topic[partition]!.count - 1, reason: reason, key: last.key,
        payload: last.payload))
  }

  /// It was put there on purpose.
  mutating func plant(_ reason: String, _ slot: Int) {
    let partition = slot % 2
    round.planted.append(
      Round.Planted(
        partition: partition, offset: topic[partition]!.count - 1, reason: reason))
  }

  func event(
    _ type: String, _ slot: Int, _ seq: Int, _ epoch: Int, _ user: String, _ request: String
  ) -> String {
    #"{"v":1,"type":"\#(type)","activity":7,"slot":\#(slot),"seq":\#(seq),"epoch":\#(epoch),"#
      + #""user":"\#(user)","request":"\#(request)","time":1}"#
  }

  /// Counts as they have to be.
  mutating func count() {
    stock["locks"] = "\(locks.count)"
    stock["seq"] = "\(seq)"
    surplus = total - rows.values.filter { $0.state == "claimed" }.count
  }

  /// What the sampler sees.
  mutating func look() {
    func json(_ values: [Int: Int]) -> String {
      "{"
        + values.sorted { $0.key < $1.key }.map { #""\#($0.key)":\#($0.value)"# }
        .joined(separator: ",") + "}"
    }
    samplePostgres(
      epoch: deployment, json(positions.mapValues(\.next)), json(positions.mapValues(\.barrier)))
    sampleRedis(epoch: epoch, seq: seq)
    for name in ["draw-1", "worker-1"] { sampleProcess(name, 900, 90, 9) }
  }

  mutating func samplePostgres(epoch: Int, _ offsets: String, _ barriers: String) {
    samples.append(
      #"{"us":\#(monotonicUs),"of":"postgres","epoch":\#(epoch),"offsets":\#(offsets),"barriers":\#(barriers)}"#
    )
  }

  mutating func sampleRedis(epoch: Int, seq: Int) {
    samples.append(
      #"{"us":\#(monotonicUs),"of":"redis","activity":7,"epoch":\#(epoch),"seq":\#(seq)}"#)
  }

  mutating func sampleProcess(_ name: String, _ rssKB: Int, _ descriptors: Int, _ threads: Int) {
    samples.append(
      #"{"us":\#(monotonicUs),"of":"process","name":"\#(name)","pid":1,"rssKB":\#(rssKB),"descriptors":\#(descriptors),"threads":\#(threads)}"#
    )
  }
}
