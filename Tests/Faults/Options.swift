import Foundation

/// How the harness was called.
struct Options: Sendable {
  enum Command: Sendable {
    case run, list, table, storm, soak
    case check(String)
  }

  var command = Command.run
  /// Rows to play; empty: all.
  var rows: [Int] = []
  /// Faults to play, by name; empty: all of the rows.
  var names: [String] = []
  /// Of each row; nil: every fault once, or with `minutes` until then.
  var rounds: Int?
  /// Of the first round; the others follow from it. 0: a random one.
  var seed: UInt64 = 0
  var minutes: Double?
  var isRecording = false
  var isKeeping = false
  var jobs = 1
  /// Of each service, in a storm.
  var kills = 200
  var output = ".local/faults"
}

struct UsageError: Error, CustomStringConvertible { let description: String }

extension Options {
  static let help = """
    Usage: Faults [run] [--row N,…] [--fault NAME,…] [--rounds N] [--seed N] [--minutes M] [--jobs N] [--record] [--keep] [--output DIR]
           Faults storm [--kills N] [--seed N] [--record] [--keep] [--output DIR]
           Faults list | table | check DIR
           Faults soak [--minutes M] [--seed N] [--record] [--keep] [--output DIR]

    Breaks the running pair on purpose and lets the checker decide.

      run           rounds of the faults chosen (default: every fault, once)
      storm         one sale with many SIGKILLs of both services, and how soon they were back
      list          the faults that there are
      table         writes the table of deploy/docs/faults.md anew, from Tests/Faults/rounds.csv, and the picture
                    deploy/docs/kills.svg, from Tests/Faults/kills.csv
      check DIR     decides a kept round again
      soak          one deployment for M minutes (60): sale after sale, each with a fault and a check of its own; memory,
                    descriptors and threads stay flat, logs whole; --record writes Tests/Faults/soak.csv

      --row N,…     faults of these rows of the table     --fault NAME,…  these faults
      --rounds N    rounds of each ROW, its faults in turn (without: every fault once)
      --seed N      of the first round (random; each round prints its own)
      --minutes M   begin no round after so many minutes; without --rounds go on until then, a round of each row in turn
      --jobs N      so many rounds side by side, each on servers of its own (1)
      --kills N     SIGKILLs of each service in a storm (200)
      --record      add each round to Tests/Faults/rounds.csv; needs a clean checkout, for the commit is in the line.
                    Of a storm: write Tests/Faults/kills.csv and deploy/docs/kills.svg
      --keep        keep the evidence of every round, not only of those that failed
      --output DIR  where that is kept (.local/faults)

    Exit status: 0 no violation and every round a proof; 1 otherwise; 2 wrong usage; 3 could not run.

    """

  static func parse(_ arguments: [String]) throws -> Options {
    var options = Options()
    var rest = arguments[...]
    if let first = rest.first, !first.hasPrefix("--") {
      rest.removeFirst()
      switch first {
      case "run": break
      case "list": options.command = .list
      case "table": options.command = .table
      case "soak": options.command = .soak
      case "storm": options.command = .storm
      case "check":
        guard let folder = rest.popFirst() else { throw UsageError(description: "check needs DIR") }
        options.command = .check(folder)
      default: throw UsageError(description: "unknown command '\(first)'")
      }
    }
    while let name = rest.popFirst() {
      switch name {
      case "--record": options.isRecording = true
      case "--keep": options.isKeeping = true
      default:
        guard let value = rest.popFirst() else {
          throw UsageError(description: "\(name) needs a value, or is unknown")
        }
        guard try options.set(name, value) else {
          throw UsageError(description: "\(name): '\(value)' is not right")
        }
      }
    }
    return options
  }

  private mutating func set(_ name: String, _ value: String) throws -> Bool {
    switch name {
    case "--row":
      rows = value.split(separator: ",").map { Int($0) ?? 0 }
      return !rows.isEmpty && rows.allSatisfy { (1...27).contains($0) }
    case "--fault":
      names = value.split(separator: ",").map(String.init)
      return names.allSatisfy { name in catalogue.contains { $0.name == name } }
    case "--rounds":
      rounds = Int(value)
      return rounds.map { (1...10_000).contains($0) } ?? false
    case "--seed":
      seed = UInt64(value) ?? 0
      return seed > 0
    case "--minutes":
      minutes = Double(value)
      return minutes.map { $0 > 0 && $0 <= 1_440 } ?? false
    case "--jobs":
      jobs = Int(value) ?? 0
      return (1...16).contains(jobs)
    case "--kills":
      kills = Int(value) ?? 0
      return (1...2_000).contains(kills)
    case "--output":
      output = value
      return !value.isEmpty
    default: throw UsageError(description: "unknown option \(name)")
    }
  }

  /// The faults that were chosen, by row.
  var chosen: [(row: Int, faults: [Fault])] {
    let faults = catalogue.filter {
      (rows.isEmpty || rows.contains($0.row)) && (names.isEmpty || names.contains($0.name))
    }
    return Dictionary(grouping: faults, by: \.row).sorted { $0.key < $1.key }
      .map { (row: $0.key, faults: $0.value) }
  }
}
