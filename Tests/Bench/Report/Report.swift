import Foundation

/// The tables of a run, for a person, and the same as JSON.
struct Report {
  private let figures: Figures
  private let conditions: [(name: String, text: String)]
  private let rows: [Row]
  private let head: [String]
  private let json: String?

  init(_ options: Options) throws {
    figures = try Figures(path: try options.text("figures"))
    let text = try String(contentsOfFile: try options.text("conditions"), encoding: .utf8)
    conditions = text.split(separator: "\n").map { line in
      let parts = line.split(separator: "\t", maxSplits: 1)
      return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
    }
    switch options.optional("table") {
    case "comparison":
      rows = Row.comparison
      head = ["measured", "this build", try options.text("other"), "ratio", "goal", ""]
    case "values":
      rows = Row.values(of: try options.text("vary"))
      head = [
        "setting", "accepted draws/s", "latency at full load", "CPU per draw", "at 8,000 draws/s",
        "",
      ]
    default:
      rows = Row.all
      head = ["#", "measured", "ours", "against", "ratio", "goal", ""]
    }
    json = options.optional("json")
  }

  func run() throws {
    if isWhole { printFigures() }
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
    printLine(head)
    printLine(head.map { _ in "---" })
    for row in rows {
      guard let cells = row.cells(figures) else { continue }
      printLine((isWhole ? ["\(row.number)"] : []) + cells + [verdict(row)])
    }
  }

  /// The table of fourteen rows, not a comparison.
  private var isWhole: Bool { head[0] == "#" }

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
