internal import Foundation

/// A picture that grows by its parts, on white, with the origin at the upper left.
public struct SVG {
  private var parts: [String]

  /// Pixels.
  public init(width: Double, height: Double) {
    parts = [
      """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.number(width)) \(Self.number(height))" \
      font-family="sans-serif" font-size="12" fill="#222">
      <rect width="100%" height="100%" fill="#fff"/>
      """
    ]
  }

  /// The whole file.
  public var document: String { (parts + ["</svg>"]).joined(separator: "\n") + "\n" }

  /// Plain text with its baseline at `y`; `more` are further attributes.
  public mutating func text(_ x: Double, _ y: Double, _ text: String, _ more: String = "") {
    parts.append(
      "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" \(more)>\(Self.safe(text))</text>")
  }

  /// A picture's heading.
  public mutating func title(_ x: Double, _ y: Double, _ text: String) {
    self.text(x, y, text, "font-size=\"15\" font-weight=\"bold\"")
  }

  /// Text that runs upwards, with its middle at the point.
  public mutating func upwards(_ x: Double, _ y: Double, _ text: String) {
    parts.append(
      """
      <text transform="translate(\(Self.number(x)) \(Self.number(y))) rotate(-90)" \
      text-anchor="middle">\(Self.safe(text))</text>
      """)
  }

  /// A straight line; `more` are further attributes.
  public mutating func line(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ color: String, _ more: String = ""
  ) {
    parts.append(
      """
      <line x1="\(Self.number(x1))" y1="\(Self.number(y1))" x2="\(Self.number(x2))" \
      y2="\(Self.number(y2))" stroke="\(color)" \(more)/>
      """)
  }

  /// A filled rectangle.
  public mutating func bar(
    _ x: Double, _ y: Double, width: Double, height: Double, _ color: String
  ) {
    parts.append(
      """
      <rect x="\(Self.number(x))" y="\(Self.number(y))" width="\(Self.number(width))" \
      height="\(Self.number(height))" fill="\(color)"/>
      """)
  }

  /// A line through points, each with a dot.
  public mutating func curve(_ points: [(x: Double, y: Double)], _ color: String) {
    let places = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }
    parts.append(
      """
      <polyline points="\(places.joined(separator: " "))" fill="none" stroke="\(color)" \
      stroke-width="2"/>
      """)
    for point in points {
      parts.append(
        "<circle cx=\"\(Self.number(point.x))\" cy=\"\(Self.number(point.y))\" r=\"3\" "
          + "fill=\"\(color)\"/>")
    }
  }

  /// At most two digits behind the point.
  public static func number(_ value: Double) -> String {
    let text = String(format: "%.2f", value)
    return text.hasSuffix(".00")
      ? String(text.dropLast(3)) : text.hasSuffix("0") ? String(text.dropLast()) : text
  }

  private static func safe(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
  }
}
