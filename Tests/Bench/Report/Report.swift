import Foundation

/// The tables of a run, for a person, and the same as JSON.
struct Report {
  private let figures: Figures
  private let conditions: [(name: String, text: String)]
  private let rows: [Row]
  private let other: String?
  private let json: String?

  init(_ options: Options) throws {
    figures = try Figures(path: try options.text("figures"))
    let text = try String(contentsOfFile: try options.text("conditions"), encoding: .utf8)
    conditions = text.split(separator: "\n").map { line in
      let parts = line.split(separator: "\t", maxSplits: 1)
      return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
    }
    rows = options.optional("table") == "comparison" ? Row.comparison : Row.all
    other = options.optional("other")
    json = options.optional("json")
  }

  func run() throws {
    if other == nil { printFigures() }
    for condition in conditions { print("- \(condition.name): \(condition.text)") }
    print("")
    printTable()
    if let json { try writeJSON(to: json) }
  }

  private func printFigures() {
    for figure in figureNames {
      guard let cell = figures.cell(figure.name) else { continue }
      let padding = String(repeating: " ", count: max(1, 76 - figure.words.count))
      print("  \(figure.words)\(padding)\(cell) \(figure.unit)")
    }
    print("")
  }

  private func printTable() {
    let head =
      other.map { ["measured", "this build", $0, "ratio", "goal", ""] }
      ?? ["#", "measured", "ours", "against", "ratio", "goal", ""]
    printLine(head)
    printLine(head.map { _ in "---" })
    for row in rows {
      guard let cells = row.cells(figures) else { continue }
      printLine((other == nil ? ["\(row.number)"] : []) + cells + [verdict(row)])
    }
  }

  private func printLine(_ cells: [String]) { print("| \(cells.joined(separator: " | ")) |") }

  private func verdict(_ row: Row) -> String {
    row.demands.isEmpty ? "" : row.isReached(figures) == true ? "ok" : "short"
  }

  private func writeJSON(to path: String) throws {
    let table = rows.compactMap { row in
      row.cells(figures).map { cells in
        ["number": row.number, "verdict": verdict(row)].merging(
          zip(["measured", "ours", "against", "ratio", "goal"], cells)
        ) { $1 } as [String: Any]
      }
    }
    let whole: [String: Any] = [
      "conditions": Dictionary(uniqueKeysWithValues: conditions.map { ($0.name, $0.text) }),
      "rows": table, "figures": figures.values,
    ]
    let data = try JSONSerialization.data(
      withJSONObject: whole, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
    try (data + Data("\n".utf8)).write(to: URL(fileURLWithPath: path))
  }
}
