/// What scripts of both services know of locks, users' records and the outbox; `records.lua` says what has to stand
/// before it.
public enum RecordsScript {
  public static let source: [UInt8] = PackageResources.records_lua
}
