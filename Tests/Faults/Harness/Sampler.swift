import Foundation
import Glibc
import PostgresClient
import RedisClient
import Threads

/// Looks at the stores and at the services' processes a few times a second, and writes down what it sees, a JSON line each.
///
/// What cannot be read at a moment, for its server is down or its process is gone, is left out.
final class Sampler: @unchecked Sendable {
  private let sale: Sale
  private let everyMs: Int
  private let file: FileHandle
  private let stopping = Lock(false)
  private var thread: NamedThread?
  private var redis: (connection: RedisConnection, port: Int)?
  private var postgres: PostgresConnection?

  init(_ sale: Sale, everyMs: Int = 250) throws {
    self.sale = sale
    self.everyMs = everyMs
    let path = sale.folder + "/samples.jsonl"
    _ = FileManager.default.createFile(atPath: path, contents: nil)
    file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    thread = NamedThread("sampler") { [unowned self] in run() }
  }

  /// A last look, and its end. May be called twice.
  func end() {
    let isFirst = stopping.withLock { stopping in
      defer { stopping = true }
      return !stopping
    }
    guard isFirst else { return }
    thread?.join()
    sample()
    try? file.close()
  }

  private func run() {
    while !stopping.withLock({ $0 }) {
      sample()
      usleep(UInt32(everyMs) * 1_000)
    }
  }

  private func sample() {
    do { try samplePostgres() } catch { postgres = nil }
    do { try sampleRedis() } catch { redis = nil }
    for service in sale.services where service.isRunning { sample(service) }
  }

  private func samplePostgres() throws {
    let settings = PostgresSettings(
      connection: sale.deployment.postgres, connectTimeoutMs: 1_000, statementTimeoutMs: 1_000)
    let connection = try postgres ?? PostgresConnection(settings)
    postgres = connection
    let rows = try connection.execute(
      """
      SELECT partition, next, barrier_epoch, (SELECT epoch FROM deployment)
      FROM consumer_offset WHERE topic = $1
      """, [.text(sale.deployment.topic)])
    guard rows.rowCount > 0 else { return }
    var offsets: [String: Int64] = [:]
    var barriers: [String: Int64] = [:]
    for row in 0..<rows.rowCount {
      offsets["\(rows.int4(row, 0))"] = rows.int8(row, 1)
      barriers["\(rows.int4(row, 0))"] = rows.int8(row, 2)
    }
    try write([
      "of": "postgres", "epoch": rows.int8(0, 3), "offsets": offsets, "barriers": barriers,
    ])
  }

  private func sampleRedis() throws {
    let port = sale.ground.redisPort
    if redis?.port != port { redis = nil }
    let endpoint = RedisEndpoint(port: port, connectTimeoutMs: 500, commandTimeoutMs: 500)
    let connection = try redis?.connection ?? RedisConnection(endpoint)
    redis = (connection, port)
    let reply = try connection.pipeline([RedisCommand("HMGET", sale.stockKey, "epoch", "seq")])[0]
    let values = (reply.elements ?? []).compactMap { $0.text.flatMap { Int64($0) } }
    guard values.count == 2 else { return }
    try write([
      "of": "redis", "activity": sale.deployment.activity, "epoch": values[0], "seq": values[1],
    ])
  }

  private func sample(_ service: ServiceProcess) {
    let pid = service.pid
    guard let figures = ProcessFigures(pid: pid) else { return }
    try? write([
      "of": "process", "name": service.name, "pid": Int(pid), "rssKB": figures.rssKB,
      "descriptors": figures.descriptors, "threads": figures.threads,
    ])
  }

  private func write(_ fields: [String: Any]) throws {
    var fields = fields
    fields["us"] = nowUs()
    try file.write(contentsOf: JSONSerialization.data(withJSONObject: fields) + Data("\n".utf8))
  }
}
