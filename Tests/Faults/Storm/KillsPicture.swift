import Foundation

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
    var parts = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(number(Self.width)) \(number(height))" \
      font-family="sans-serif" font-size="12" fill="#222">
      <rect width="100%" height="100%" fill="#fff"/>
      """,
      text(Self.left, 22, title, "font-size=\"15\" font-weight=\"bold\""),
    ]
    for (index, service) in services.enumerated() {
      let top = Self.top + Double(index) * (Self.panel + Self.gap)
      parts += panel(service, axis, top: top)
    }
    let bottom = height - 14
    parts.append(
      text(
        (Self.left + Self.width - Self.right) / 2, bottom,
        "seconds from SIGKILL until the same instance is in service again; dashed: median",
        "text-anchor=\"middle\""))
    return (parts + ["</svg>"]).joined(separator: "\n") + "\n"
  }

  private func panel(_ service: Kill.Service, _ axis: TimeAxis, top: Double) -> [String] {
    let its = kills.filter { $0.service == service }
    let back = its.compactMap(\.backMs).sorted()
    let bottom = top + Self.panel
    var counts = [Int](repeating: 0, count: axis.bins)
    for ms in back { counts[axis.bin(ms)] += 1 }
    let scale = CountAxis(most: counts.max() ?? 0)
    var parts: [String] = []
    for count in scale.ticks {
      let y = bottom - Self.panel * Double(count) / Double(scale.end)
      parts.append(line(Self.left, y, Self.width - Self.right, y, "#ddd"))
      parts.append(text(Self.left - 6, y + 4, "\(count)", "text-anchor=\"end\""))
    }
    for (bin, count) in counts.enumerated() where count > 0 {
      let height = Self.panel * Double(count) / Double(scale.end)
      let (x, width) = axis.place(ofBin: bin)
      parts.append(
        """
        <rect x="\(number(x + 0.5))" y="\(number(bottom - height))" width="\(number(width - 1))" \
        height="\(number(height))" fill="\(service.color)"/>
        """)
    }
    for second in axis.ticks {
      let x = axis.x(Int(second * 1_000))
      parts.append(line(x, bottom, x, bottom + 4, "#222"))
      parts.append(text(x, bottom + 18, number(second), "text-anchor=\"middle\""))
    }
    parts.append(line(Self.left, bottom, Self.width - Self.right, bottom, "#222"))
    if !back.isEmpty {
      let x = axis.x(back[back.count / 2])
      parts.append(line(x, top, x, bottom, "#222", "stroke-dasharray=\"4 3\""))
    }
    parts.append(text(Self.left, top - 10, caption(service, its, back)))
    parts.append(
      """
      <text transform="translate(18 \(number(top + Self.panel / 2))) rotate(-90)" \
      text-anchor="middle">kills</text>
      """)
    return parts
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

  private func text(_ x: Double, _ y: Double, _ text: String, _ more: String = "") -> String {
    let safe = text.replacingOccurrences(of: "&", with: "&amp;")
      .replacingOccurrences(of: "<", with: "&lt;")
    return "<text x=\"\(number(x))\" y=\"\(number(y))\" \(more)>\(safe)</text>"
  }

  private func line(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ color: String, _ more: String = ""
  ) -> String {
    """
    <line x1="\(number(x1))" y1="\(number(y1))" x2="\(number(x2))" y2="\(number(y2))" \
    stroke="\(color)" \(more)/>
    """
  }
}

/// At most two digits behind the point.
private func number(_ value: Double) -> String {
  let text = String(format: "%.2f", value)
  return text.hasSuffix(".00")
    ? String(text.dropLast(3)) : text.hasSuffix("0") ? String(text.dropLast()) : text
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
