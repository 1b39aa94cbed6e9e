import Foundation
import Pictures

/// The pictures of a run, each a file.
struct PicturesPart {
  private let figures: Figures
  /// By picture and series.
  private var points: [String: [(series: String, point: (x: Double, y: Double))]] = [:]
  private let folder: URL

  init(_ options: Options) throws {
    figures = try Figures(path: try options.text("figures"))
    folder = URL(fileURLWithPath: try options.text("folder"))
    let text = try String(contentsOfFile: try options.text("points"), encoding: .utf8)
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard words.count == 4, let x = Double(words[2]), let y = Double(words[3]) else {
        throw Failure("no point: \(line)")
      }
      points[words[0], default: []].append((words[1], (x, y)))
    }
  }

  func run() throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try write(
      "connections.svg", "Throughput and latency against connections",
      [
        Chart(
          caption: "accepted draws, closed loop", x: "connections", y: "draws/s",
          series: [curve("connections", "per_s")], isLogarithmic: true),
        Chart(
          caption: "latency of the accepted", x: "connections", y: "ms",
          series: [curve("connections", "p50"), curve("connections", "p99")], isLogarithmic: true),
      ])
    try write(
      "rate.svg", "Latency against offered rate, open loop, from the moment a draw was due",
      [
        Chart(
          caption: "latency of the accepted", x: "draws/s offered", y: "ms",
          series: [curve("rate", "p50"), curve("rate", "p99")])
      ])
    if figures.median("a_draw_us") != nil, figures.median("b_http_us") != nil {
      try write("processor.svg", "CPU per accepted draw, by process", [processor])
    }
    try write(
      "lag.svg", "From a claim to its commit in Postgres, over a sale",
      [
        Chart(
          caption: "claims of each half second", x: "seconds since the first draw", y: "ms",
          series: [curve("lag", "p50"), curve("lag", "p99")])
      ])
  }

  private func curve(_ picture: String, _ series: String) -> Chart.Series {
    Chart.Series(
      name: series == "per_s" ? "" : series,
      points: (points[picture] ?? []).filter { $0.series == series }.map(\.point))
  }

  /// A draw as it runs, what its parts take that were measured alone, and what it takes to apply it.
  private var processor: Chart {
    func bars(_ name: String, _ groups: [[String]]) -> Chart.Series {
      let heights = groups.map { $0.reduce(0) { $0 + (figures.median($1) ?? 0) } }
      return Chart.Series(name: name, points: heights.enumerated().map { (Double($0), $1) })
    }
    return Chart(
      caption: "user and system time", x: "", y: "µs",
      series: [
        bars("DrawService", [["a_draw_us"], ["b_http_us", "b_produce_us"], []]),
        bars("Redis", [["a_redis_us"], ["b_script_us"], []]),
        bars("Kafka", [["a_kafka_us"], ["b_broker_us"], []]),
        bars("load tool", [["a_wrk_us"], ["b_wrk_us"], []]),
        bars("worker", [[], [], ["c_worker_us"]]), bars("Postgres", [[], [], ["c_postgres_us"]]),
      ], groups: ["a draw (row 1)", "its parts, each alone", "applying it (row 6)"])
  }

  private func write(_ file: String, _ title: String, _ charts: [Chart]) throws {
    guard charts.contains(where: { $0.series.contains { !$0.points.isEmpty } }) else { return }
    var picture = SVG(width: Chart.width, height: 36 + Double(charts.count) * Chart.height)
    picture.title(20, 24, title)
    for (index, chart) in charts.enumerated() {
      chart.draw(into: &picture, top: 40 + Double(index) * Chart.height)
    }
    let target = folder.appendingPathComponent(file)
    try picture.document.write(to: target, atomically: true, encoding: .utf8)
  }
}
