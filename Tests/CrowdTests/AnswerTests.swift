import Testing

@testable import Crowd

@Suite struct AnswerTests {
  private func read(_ status: Int, _ body: String, retryAfterS: Int = 0) -> Answer {
    Answer(status: status, body: Array(body.utf8), retryAfterS: retryAfterS, activity: 7)
  }

  @Test func whatTheAPIAnswers() {
    #expect(
      read(
        200,
        #"{"activity":7,"slot":12,"lockKey":"7_12","requestId":"r","status":"claimed","replayed":true}"#
      ) == .claimed(slot: 12, request: "r", replayed: true))
    #expect(
      read(202, #" { "status" : "pending" , "requestId" : "r" } "#) == .pending(request: "r"))
    #expect(read(202, #"{"status":"pending"}"#) == .pending(request: nil))
    #expect(read(200, #"{"status":"released","requestId":"r"}"#) == .released)
    #expect(read(409, #"{"status":409,"code":"released"}"#) == .released)
    #expect(
      read(409, #"{"type":"a\"b","more":[{"x":"}"},2],"status":409,"code":"sold_out"}"#)
        == .refused("sold_out"))
    #expect(
      read(503, #"{"status":503,"code":"overloaded"}"#, retryAfterS: 2)
        == .later("overloaded", afterMs: 2_000))
    #expect(read(502, "<html>") == .unknown("502"))
  }

  @Test(arguments: [
    (200, "{"), (200, "{}x"), (200, "[]"), (200, ""), (200, #"{"status":"claimed"}"#),
    (200, #"{"status":"pending"}"#), (202, #"{"status":"claimed"}"#),
    (200, #"{"activity":7,"slot":12,"lockKey":"7_13","requestId":"r","status":"claimed"}"#),
    (200, #"{"activity":8,"slot":12,"lockKey":"8_12","requestId":"r","status":"claimed"}"#),
    (200, #"{"activity":7,"slot":12,"lockKey":"7_12","status":"claimed"}"#),
    (200, #"{"slot":"12"}"#), (200, #"{"slot":1.5}"#), (400, "{}"), (500, #"{"code":"oops"}"#),
    (503, #"{"code":"overloaded"}"#), (301, "{}"),
  ])
  func whatItDoesNotAnswer(_ status: Int, _ body: String) {
    guard case .wrong = read(status, body) else {
      Issue.record("\(status) \(body) was read as \(read(status, body))")
      return
    }
  }

  @Test func percentilesAreExact() {
    let points = Percentiles((1...1_000).shuffled().map { Int32($0) })
    #expect(
      [points.p50Us, points.p90Us, points.p99Us, points.p999Us, points.maxUs]
        == [500, 900, 990, 999, 1_000])
    #expect(Percentiles([]).count == 0)
  }

  @Test func theHeapGivesTheSoonestFirst() {
    var heap = Heap()
    for due in (1...500).shuffled() { heap.push(dueNs: Int64(due), errand: due, call: .ask) }
    #expect(heap.popDue(0)?.errand == nil)
    var last: Int64 = 0
    while let entry = heap.popDue(250) {
      #expect(entry.dueNs >= last)
      last = entry.dueNs
    }
    #expect(last == 250)
    #expect(heap.nextNs == 251)
  }

  @Test func optionsAreReadAndRefusedByName() throws {
    let options = try Options.parse(
      ["--url", "http://a:1/", "--url=http://b:2", "--activity", "9", "--until-held"],
      environment: { ["SLIDING_STOCK_REDIS_PORT": "77"][$0] })
    #expect(options.urls == ["http://a:1", "http://b:2"])
    #expect(options.activity == 9 && options.untilHeld && options.redisPort == 77)
    for wrong in [
      ["--nothing"], ["--activity", "9"], ["--url", "http://a"], ["--url", "ftp://a"],
      ["--users", "0"], ["--users"], ["--until-held=yes"], ["--postgres", "password=x"],
    ] {
      #expect(throws: UsageError.self) { try Options.parse(wrong, environment: { _ in nil }) }
    }
  }
}
