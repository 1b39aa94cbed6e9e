/// A row of the table: what is measured, against what, and which figures have to be how large.
struct Row {
  struct Demand {
    let name: String
    let isAtMost: Bool
    let bound: Double

    static func most(_ name: String, _ bound: Double) -> Demand {
      Demand(name: name, isAtMost: true, bound: bound)
    }

    static func least(_ name: String, _ bound: Double) -> Demand {
      Demand(name: name, isAtMost: false, bound: bound)
    }

    func isMet(by value: Double) -> Bool { isAtMost ? value <= bound : value >= bound }
  }

  /// 0: none, in a comparison.
  var number = 0
  let what: String
  /// These three with "{name}" for a figure.
  let ours: String
  var against = "—"
  var ratio = "—"
  let goal: String
  var demands: [Demand] = []

  /// Its cells; nil when it was not measured.
  func cells(_ figures: Figures) -> [String]? {
    guard let ours = figures.fill(ours), let against = figures.fill(against),
      let ratio = figures.fill(ratio), let goal = figures.fill(goal)
    else { return nil }
    return [what, ours, against, ratio, goal]
  }

  /// Whether the middle of the rounds reaches the goal; nil when it was not measured.
  func isReached(_ figures: Figures) -> Bool? {
    var isReached = true
    for demand in demands {
      guard let value = figures.median(demand.name) else { return nil }
      if !demand.isMet(by: value) { isReached = false }
    }
    return isReached
  }
}

extension Row {
  /// The fourteen of deploy/docs/performance.md.
  static let all = [
    Row(
      number: 1, what: "accepted draws/s over HTTP, 256 connections, reply after `acks=all`",
      ours: "{a_per_s}", against: "parts bound {bound_per_s}", ratio: "{whole_ratio}",
      goal: "≥ 0.75", demands: [.least("whole_ratio", 0.75)]),
    Row(
      number: 2, what: "CPU per accepted draw of DrawService, µs", ours: "{a_draw_us}",
      against: "HTTP front {b_http_us} + bare producer {b_produce_us}", ratio: "{draw_ratio}",
      goal: "≤ 1.5", demands: [.most("draw_ratio", 1.5)]),
    Row(
      number: 3, what: "latency of a draw at half of the maximum rate, ms",
      ours: "p50 {d_p50_ms}, p99 {d_p99_ms}", goal: "p50 ≤ 3, p99 ≤ 10",
      demands: [.most("d_p50_ms", 3), .most("d_p99_ms", 10)]),
    Row(
      number: 4, what: "claims/s through the lane, in process, batches of 100",
      ours: "{lane_per_s}", against: "redis-benchmark, same script {lane_bare_per_s}",
      ratio: "{lane_ratio}", goal: "≥ 0.85", demands: [.least("lane_ratio", 0.85)]),
    Row(
      number: 5, what: "the same", ours: "{lane_per_s}",
      against: "one script call per claim, pipelined {single_per_s}", ratio: "{single_ratio}",
      goal: "≥ 4", demands: [.least("single_ratio", 4)]),
    Row(
      number: 6, what: "rows/s applied by the worker from a full topic", ours: "{c_per_s}",
      against: "same statements by pgbench {c_same_per_s}", ratio: "{c_same_ratio}",
      goal: "≥ 0.85", demands: [.least("c_same_ratio", 0.85)]),
    Row(
      number: 7, what: "the same", ours: "{c_per_s}",
      against: "one UPDATE per message, 1 client {c_naive_1_per_s}, 8 clients {c_naive_8_per_s}",
      ratio: "{c_naive_ratio}", goal: "≥ 10", demands: [.least("c_naive_ratio", 10)]),
    Row(
      number: 8, what: "sold-out refusals/s over HTTP, 256 connections", ours: "{sold_per_s}",
      against: "accepted draws/s {a_per_s}", ratio: "{sold_ratio}", goal: "≥ 2",
      demands: [.least("sold_ratio", 2)]),
    Row(
      number: 9, what: "claim to commit in Postgres at half of the maximum rate, ms",
      ours: "p50 {e_visible_p50_ms}, p99 {e_visible_p99_ms}", goal: "p99 ≤ 250",
      demands: [.most("e_visible_p99_ms", 250)]),
    Row(
      number: 10, what: "Redis bytes per held claim, outbox drained, ids of 13 and 16 characters",
      ours: "keys {key_bytes}, used_memory {used_bytes}", goal: "≤ 170",
      demands: [.most("key_bytes", 170), .most("used_bytes", 170)]),
    Row(
      number: 11, what: "resident memory of DrawService, MB",
      ours: "1,000 connections at full load {thousand_mb}, idle {a_idle_mb}", goal: "≤ 60, ≤ 15",
      demands: [.most("thousand_mb", 60), .most("a_idle_mb", 15)]),
    Row(
      number: 12, what: "CPU per claim of lane and Redis, µs, stock 100,000 and 1,000,000",
      ours: "{stock_5_us}, {stock_6_us}", against: "stock 10,000 {stock_4_us}",
      ratio: "{stock_5_ratio}, {stock_6_ratio}", goal: "≤ 1.10",
      demands: [.most("stock_5_ratio", 1.1), .most("stock_6_ratio", 1.1)]),
    Row(
      number: 13, what: "accepted draws/s of two DrawServices on one activity",
      ours: "{two_per_s}", against: "one {one_per_s}", ratio: "{two_ratio}", goal: "≥ 0.9",
      demands: [.least("two_ratio", 0.9)]),
    Row(
      number: 14,
      what: "ten times its maximum offered, 1,000 connections: accepted draws/s; p99, ms; back, s",
      ours: "{over_accepted_per_s}; {over_accepted_p99_ms}; {over_back_s}",
      against: "its maximum {over_max_per_s} less refusing {over_left_per_s}; {over_max_p99_ms}",
      ratio: "{over_ratio}; {over_p99_ratio}", goal: "≥ 0.9; ≤ 5; ≤ 5",
      demands: [.least("over_ratio", 0.9), .most("over_p99_ratio", 5), .most("over_back_s", 5)]),
  ]

  /// DrawService of two commits, in turns.
  static let comparison = [
    Row(
      what: "accepted draws/s, 256 connections", ours: "{a_per_s}", against: "{o_per_s}",
      ratio: "{compare_per_s}", goal: "—"),
    Row(
      what: "CPU per accepted draw, µs", ours: "{a_draw_us}", against: "{o_draw_us}",
      ratio: "{compare_draw_us}", goal: "≤ 1.05", demands: [.most("compare_draw_us", 1.05)]),
    Row(
      what: "CPU of Redis per accepted draw, µs", ours: "{a_redis_us}", against: "{o_redis_us}",
      ratio: "{compare_redis_us}", goal: "—"),
    Row(
      what: "latency at full load, ms", ours: "p50 {a_p50_ms}, p99 {a_p99_ms}",
      against: "p50 {o_p50_ms}, p99 {o_p99_ms}", goal: "—"),
    Row(
      what: "latency at 8,000 draws/s, p50, ms", ours: "{f_p50_ms}", against: "{h_p50_ms}",
      ratio: "{compare_p50}", goal: "—"),
    Row(
      what: "latency at 8,000 draws/s, p99, ms", ours: "{f_p99_ms}", against: "{h_p99_ms}",
      ratio: "{compare_p99}", goal: "—"),
  ]

  /// DrawService with the values of a setting, `KEY=V,V,…`.
  static func values(of vary: String) -> [Row] {
    let parts = vary.split(separator: "=")
    return parts[1].split(separator: ",").enumerated().map { place, value in
      Row(
        what: "`\(parts[0])` \(value)", ours: "{v\(place)_per_s}",
        against:
          "p50 {v\(place)_p50_ms}, p99 {v\(place)_p99_ms} ms, {v\(place)_batch} claims a call",
        ratio: "{v\(place)_draw_us}; Redis {v\(place)_redis_us}; Kafka {v\(place)_kafka_us} µs",
        goal: "p50 {w\(place)_p50_ms}, p99 {w\(place)_p99_ms} ms")
    }
  }
}
