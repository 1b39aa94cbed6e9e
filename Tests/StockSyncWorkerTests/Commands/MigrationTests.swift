import PostgresClient
import TestSupport
import Testing
import Threads

@testable import StockSyncWorker

@Suite struct MigrationTests {
  private let all = Migrations.all.map(\.version)
  private var last: Int32 { all.last! }
  private var next: Int32 { last + 1 }

  private func settings() throws -> PostgresSettings {
    PostgresSettings(connection: try LocalStack.shared([.postgres]).freshDatabase())
  }

  private func failure(_ body: () throws(MigrationError) -> Void) -> MigrationError? {
    do throws(MigrationError) {
      try body()
      return nil
    } catch {
      return error
    }
  }

  @Test func eachIsAppliedOnceAndVerified() throws {
    let connection = try PostgresConnection(try settings())
    guard
      case .behind(have: 0, need: last)? = failure({ () throws(MigrationError) in
        try Migrations.verify(on: connection)
      })
    else {
      Issue.record("an empty database was accepted")
      return
    }
    #expect(try Migrations.apply(on: connection).map(\.version) == all)
    #expect(try Migrations.apply(on: connection).isEmpty)
    try Migrations.verify(on: connection)
    let epoch = try connection.execute("SELECT epoch FROM deployment").int8(0, 0)
    #expect(epoch == 1)
  }

  @Test func manyAtOnceApplyItOnce() throws {
    let settings = try settings()
    let applied = Lock<[Int32]>([])
    let failures = Lock<[String]>([])
    let threads = (0..<6).map { number in
      NamedThread("migrate-\(number)") {
        do {
          let mine = try Migrations.apply(on: try PostgresConnection(settings))
          applied.withLock { $0 += mine.map(\.version) }
        } catch { failures.withLock { $0.append("\(error)") } }
      }
    }
    for thread in threads { thread.join() }
    #expect(failures.withLock { $0 } == [])
    #expect(applied.withLock { $0.sorted() } == all)
  }

  @Test func aNewerDatabaseAndAChangedMigrationAreRefused() throws {
    let connection = try PostgresConnection(try settings())
    let second = Migration(version: next, name: "second", sql: "CREATE TABLE second (x int)")
    let both = Migrations.all + [second]
    #expect(try Migrations.apply(on: connection).count == all.count)
    guard
      case .behind(have: last, need: next)? = failure({ () throws(MigrationError) in
        try Migrations.verify(both, on: connection)
      })
    else {
      Issue.record("a database that is behind was accepted")
      return
    }
    #expect(try Migrations.apply(both, on: connection).map(\.version) == [next])
    for check in [{ _ = try Migrations.apply(on: $0) }, { try Migrations.verify(on: $0) }]
      as [(PostgresConnection) throws -> Void]
    {
      #expect { try check(connection) } throws: { error in
        if case MigrationError.newer(next) = error { true } else { false }
      }
    }
    let other = Migrations.all + [Migration(version: next, name: "second", sql: "SELECT 1")]
    guard
      case .differs(next, name: "second")? = failure({ () throws(MigrationError) in
        _ = try Migrations.apply(other, on: connection)
      })
    else {
      Issue.record("other contents were accepted")
      return
    }
  }

  @Test func oneThatFailsLeavesNothingBehind() throws {
    let connection = try PostgresConnection(try settings())
    let bad = Migration(version: next, name: "bad", sql: "CREATE TABLE half (x int); SELECT 1/0")
    guard
      case .postgres(let error)? = failure({ () throws(MigrationError) in
        _ = try Migrations.apply(Migrations.all + [bad], on: connection)
      })
    else {
      Issue.record("it did not fail")
      return
    }
    #expect(error.sqlState == "22012")
    #expect(
      try connection.execute("SELECT to_regclass('half') IS NULL, to_regclass('claim') IS NOT NULL")
        .bool(0, 0))
    try Migrations.verify(on: connection)
  }
}
