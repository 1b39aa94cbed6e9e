import Foundation
import Pictures

/// Curves over one axis, or bars in groups.
struct Chart {
  struct Series {
    let name: String
    /// Where the points lie; of bars only the heights count.
    let points: [(x: Double, y: Double)]
  }

  let caption: String
  let x: String
  let y: String
  let series: [Series]
  /// Equal steps for equal factors.
  var isLogarithmic = false
  /// Bars: the names of the groups, one for each point.
  var groups: [String] = []

  static let height = 230.0
  static let width = 720.0
  private static let colors = ["#3b75af", "#c4632b", "#4c8c4a", "#8a5ea6", "#8c7a3d", "#666"]
  private static let (left, right, panel) = (70.0, 24.0, 150.0)

  /// Into the picture, with its upper edge at `top`.
  func draw(into picture: inout SVG, top: Double) {
    let (head, bottom) = (top + 30, top + 30 + Self.panel)
    let end = Self.width - Self.right
    let most = groups.isEmpty ? series.flatMap(\.points).map(\.y).max() ?? 0 : highestStack
    let step = Self.step(most)
    let limit = max(step, (most / step).rounded(.up) * step)
    for value in stride(from: 0, through: limit, by: step) {
      let y = bottom - Self.panel * value / limit
      picture.line(Self.left, y, end, y, "#ddd")
      picture.text(Self.left - 6, y + 4, Figures.text(plain: value), "text-anchor=\"end\"")
    }
    picture.text(Self.left, top + 12, caption)
    picture.upwards(16, head + Self.panel / 2, y)
    picture.text((Self.left + end) / 2, bottom + 34, x, "text-anchor=\"middle\"")
    if groups.isEmpty {
      drawCurves(into: &picture, bottom: bottom, limit: limit)
    } else {
      drawBars(into: &picture, bottom: bottom, limit: limit)
    }
    picture.line(Self.left, bottom, end, bottom, "#222")
    drawLegend(into: &picture, y: top + 12)
  }

  private func drawCurves(into picture: inout SVG, bottom: Double, limit: Double) {
    let xs = Set(series.flatMap(\.points).map(\.x)).sorted()
    guard let least = xs.first, let greatest = xs.last else { return }
    func scaled(_ value: Double) -> Double { isLogarithmic ? log2(max(1, value)) : value }
    let from = isLogarithmic ? scaled(least) : 0
    let span = max(1e-9, scaled(greatest) - from)
    func place(_ value: Double) -> Double {
      Self.left + 12 + (Self.width - Self.right - Self.left - 24) * (scaled(value) - from) / span
    }
    let ticks =
      isLogarithmic ? xs : Array(stride(from: 0, through: greatest, by: Self.step(greatest)))
    for tick in ticks {
      picture.line(place(tick), bottom, place(tick), bottom + 4, "#222")
      picture.text(place(tick), bottom + 17, Figures.text(plain: tick), "text-anchor=\"middle\"")
    }
    for (index, one) in series.enumerated() {
      picture.curve(
        one.points.map { (place($0.x), bottom - Self.panel * $0.y / limit) },
        Self.colors[index % Self.colors.count])
    }
  }

  private func drawBars(into picture: inout SVG, bottom: Double, limit: Double) {
    let width = (Self.width - Self.right - Self.left) / Double(groups.count)
    for (group, name) in groups.enumerated() {
      let x = Self.left + width * Double(group)
      var y = bottom
      for (index, one) in series.enumerated() where group < one.points.count {
        let height = Self.panel * one.points[group].y / limit
        y -= height
        picture.bar(
          x + width * 0.25, y, width: width * 0.5, height: height,
          Self.colors[index % Self.colors.count])
      }
      picture.text(x + width / 2, bottom + 17, name, "text-anchor=\"middle\"")
    }
  }

  private func drawLegend(into picture: inout SVG, y: Double) {
    var x = Self.width - Self.right
    for (index, one) in series.enumerated().reversed() where !one.name.isEmpty {
      x -= 7 * Double(one.name.count) + 8
      picture.text(x, y, one.name)
      x -= 16
      picture.bar(x, y - 9, width: 11, height: 11, Self.colors[index % Self.colors.count])
    }
  }

  private var highestStack: Double {
    groups.indices.map { group in
      series.reduce(0) { $0 + (group < $1.points.count ? $1.points[group].y : 0) }
    }.max() ?? 0
  }

  /// A round number that goes into `most` five times or less.
  private static func step(_ most: Double) -> Double {
    guard most > 0 else { return 1 }
    let unit = pow(10, floor(log10(most / 5)))
    return [1, 2, 5, 10].map { $0 * unit }.first { most / $0 <= 5 } ?? 10 * unit
  }
}

extension Figures {
  /// For an axis: no decimals that say nothing.
  fileprivate static func text(plain value: Double) -> String {
    value >= 1_000 ? text(value) : SVG.number(value)
  }
}
