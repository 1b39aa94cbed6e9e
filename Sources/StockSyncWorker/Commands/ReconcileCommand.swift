import Configuration
import Glibc
import Log
import PostgresClient
import RedisClient
import Stock
import Threads

/// `reconcile`: the comparison that a running worker makes from time to time, once and in the foreground.
struct ReconcileCommand {
  private let configuration: Configuration
  private let output: Output

  init(_ configuration: Configuration) {
    self.configuration = configuration
    output = Output(asJSON: configuration.flag("json"))
  }

  func run() throws -> CommandStatus {
    let settings = try ReconcileSettings(configuration, role: "operator")
    let activity =
      configuration.text("activity") == nil
      ? nil : try ActivityTerms.id(configuration, "activity")
    do {
      let connection = try PostgresConnection(settings.postgres)
      try Migrations.verify(on: connection)
      let reconciler = Reconciler(
        settings: settings,
        postgres: PostgresSide(topic: settings.topic, connection: connection),
        redis: try RedisSide(settings.redis), repairs: configuration.flag("repair"),
        pause: { ms in
          usleep(UInt32(ms) * 1_000)
          return true
        })
      var firstSeen = Reconciler.FirstSeen()
      let report = reconciler.run(only: activity, firstSeen: &firstSeen)
      if configuration.flag("repair") { log(report) }
      show(report)
      return Self.status(of: report)
    } catch {
      throw CommandError.explained(error)
    }
  }

  /// To standard error: what was changed is said there in any case.
  private func log(_ report: ReconcileReport) {
    let log = Log(service: "worker", instance: "operator", descriptor: 2)
    var reconcileLog = ReconcileLog(log: log)
    reconcileLog.tell(report)
    log.close(until: .after(ms: 1_000))
  }

  private func show(_ report: ReconcileReport) {
    if output.asJSON {
      output.object(
        report.fields + [("found", .array(report.findings.map { .object($0.fields) }))])
      return
    }
    output.object(report.fields)
    output.table(report.findings.map(\.fields), empty: "no differences")
  }

  /// What is repaired needs nobody.
  static func status(of report: ReconcileReport) -> CommandStatus {
    if report.isCorrupt { return .corruption }
    if let failure = report.failure {
      return (failure as? PostgresError)?.kind == .corruption ? .corruption : .unavailable
    }
    return report.notJudged == nil && report.differences == report.repaired ? .ok : .refused
  }
}
