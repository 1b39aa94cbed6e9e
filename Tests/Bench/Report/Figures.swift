import Foundation

/// What a run has measured: each figure with a value for each round.
struct Figures {
  private(set) var values: [String: [Double]] = [:]

  /// A file of lines "NAME VALUE".
  init(path: String) throws {
    for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 2, let value = Double(words[1]) else {
        throw Failure("no figure: \(line)")
      }
      values[String(words[0]), default: []].append(value)
    }
  }

  /// The middle of the rounds; nil when there was none.
  func median(_ name: String) -> Double? {
    guard let sorted = values[name]?.sorted() else { return nil }
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// "median (least–greatest)".
  func cell(_ name: String) -> String? {
    guard let median = median(name), let all = values[name] else { return nil }
    return "\(Self.text(median)) (\(Self.text(all.min()!))–\(Self.text(all.max()!)))"
  }

  /// A template with each "{name}" replaced by that figure's cell; nil when one is missing.
  func fill(_ template: String) -> String? {
    var (text, rest) = ("", template[...])
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      guard let cell = cell(String(rest[rest.index(after: open)..<close])) else { return nil }
      text += rest[..<open] + cell
      rest = rest[rest.index(after: close)...]
    }
    return text + rest
  }

  /// With as many decimals as the size asks for.
  static func text(_ value: Double) -> String {
    if value >= 1_000 { return grouped(Int(value.rounded())) }
    return String(format: value >= 100 ? "%.0f" : value >= 10 ? "%.1f" : "%.2f", value)
  }

  private static func grouped(_ number: Int) -> String {
    var (digits, text) = (String(number)[...], "")
    while digits.count > 3 {
      text = "," + digits.suffix(3) + text
      digits = digits.dropLast(3)
    }
    return digits + text
  }
}
