import Foundation
import Pictures

/// The times until service of a storm of kills, as an SVG: a histogram for each service, on one axis of time.
struct KillsPicture {
  private let kills: [Kill]
  private let title: String

  /// `title` is plain text.
  init(_ kills: [Kill], title: String) { (self.kills, self.title) = (kills, title) }

  private static let width = 720.0
  private static let left = 64.0
  private static let right = 24.0
  private static let top = 56.0
  private static let panel = 150.0
  private static let gap = 56.0
  private static let below = 52.0

  var svg: String {
    let services = Kill.Service.allCases
    let worst = kills.compactMap(\.backMs).max() ?? 0
    let axis = TimeAxis(worstMs: worst, from: Self.left, to: Self.width - Self.right)
    let height =
      Self.top + Double(services.count) * (Self.panel + Self.gap) - Self.gap + Self.below
    var picture = SVG(width: Self.width, height: height)
    picture.title(Self.left, 22, title)
    for (index, service) in services.enumerated() {
      draw(service, axis, top: Self.top + Double(index) * (Self.panel + Self.gap), into: &picture)
    }
    picture.text(
      (Self.left + Self.width - Self.right) / 2, height - 14,
      "seconds from SIGKILL until the same instance is in service again; dashed: median",
      "text-anchor=\"middle\"")
    return picture.document
  }

  private func draw(
    _ service: Kill.Service, _ axis: TimeAxis, top: Double, into picture: inout SVG
  ) {
    let its = kills.filter { $0.service == service }
    let back = its.compactMap(\.backMs).sorted()
    let (bottom, right) = (top + Self.panel, Self.width - Self.right)
    var counts = [Int](repeating: 0, count: axis.bins)
    for ms in back { counts[axis.bin(ms)] += 1 }
    let scale = CountAxis(most: counts.max() ?? 0)
    for count in scale.ticks {
      let y = bottom - Self.panel * Double(count) / Double(scale.end)
      picture.line(Self.left, y, right, y, "#ddd")
      picture.text(Self.left - 6, y + 4, "\(count)", "text-anchor=\"end\"")
    }
    for (bin, count) in counts.enumerated() where count > 0 {
      let height = Self.panel * Double(count) / Double(scale.end)
      let (x, width) = axis.place(ofBin: bin)
      picture.bar(x + 0.5, bottom - height, width: width - 1, height: height, service.color)
    }
    for second in axis.ticks {
      let x = axis.x(Int(second * 1_000))
      picture.line(x, bottom, x, bottom + 4, "#222")
      picture.text(x, bottom + 18, SVG.number(second), "text-anchor=\"middle\"")
    }
    picture.line(Self.left, bottom, right, bottom, "#222")
    if !back.isEmpty {
      let x = axis.x(back[back.count / 2])
      picture.line(x, top, x, bottom, "#222", "stroke-dasharray=\"4 3\"")
    }
    picture.text(Self.left, top - 10, caption(service, its, back))
    picture.upwards(18, top + Self.panel / 2, "kills")
  }

  private func caption(_ service: Kill.Service, _ its: [Kill], _ back: [Int]) -> String {
    guard let worst = back.last else { return "\(service.title): no kill" }
    func share(_ part: Double) -> String {
      seconds(back[min(back.count - 1, Int(part * Double(back.count)))])
    }
    return "\(service.title): \(its.count) kills, median \(share(0.5)), 95 % within "
      + "\(share(0.95)), worst \(seconds(worst)); \(its.count - back.count) killed again before"
  }

  private func seconds(_ ms: Int) -> String { String(format: "%.2f s", Double(ms) / 1_000) }
}

extension Kill.Service {
  fileprivate var title: String { self == .draw ? "DrawService" : "StockSyncWorker" }
  fileprivate var color: String { self == .draw ? "#3b75af" : "#c4632b" }
}

/// Time from left to right, in bins of equal width.
private struct TimeAxis {
  let bins: Int
  private let binMs: Int
  private let from, to: Double

  /// At most 60 bins that reach from 0 to the worst.
  init(worstMs: Int, from: Double, to: Double) {
    (self.from, self.to) = (from, to)
    binMs = [50, 100, 250, 500, 1_000].first { worstMs < 60 * $0 } ?? 2_000
    bins = min(60, worstMs / binMs + 1)
  }

  func bin(_ ms: Int) -> Int { min(bins - 1, ms / binMs) }
  func x(_ ms: Int) -> Double { from + (to - from) * Double(ms) / Double(bins * binMs) }

  func place(ofBin bin: Int) -> (x: Double, width: Double) {
    (x(bin * binMs), (to - from) / Double(bins))
  }

  /// Seconds with a mark: at most a dozen.
  var ticks: [Double] {
    let end = Double(bins * binMs) / 1_000
    let step = [0.1, 0.25, 0.5, 1, 2, 5, 10].first { end / $0 <= 12 } ?? 20
    return Array(stride(from: 0, through: end, by: step))
  }
}

/// Counts from the bottom to the top.
private struct CountAxis {
  let end: Int
  let ticks: [Int]

  init(most: Int) {
    let step = [1, 2, 5, 10, 20, 50, 100, 200].first { most <= 5 * $0 } ?? 1_000
    end = max(1, (most + step - 1) / step) * step
    ticks = Array(stride(from: 0, through: end, by: step))
  }
}
