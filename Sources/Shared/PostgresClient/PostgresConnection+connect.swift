internal import CPq
import Glibc
import Threads

extension PostgresConnection {
  /// Connects without blocking longer than the settings' timeout; throws with libpq's words. Where several hosts are named,
  /// each gets that time, in whole seconds and 2 at least.
  static func connect(_ settings: PostgresSettings) throws(PostgresError) -> OpaquePointer {
    let deadline = MonotonicTime.after(ms: settings.connectTimeoutMs)
    var handle = try begin(settings, PQconnectStartParams)
    let failure: PostgresError?
    if namesSeveralHosts(handle) {
      // Polled, libpq would wait for ever for one that says nothing: it goes on to the next in its own waits alone.
      PQfinish(handle)
      handle = try begin(settings, PQconnectdbParams)
      failure = PQstatus(handle) == CONNECTION_OK ? nil : refusal(handle)
    } else {
      failure = establish(handle, until: deadline)
    }
    if let failure {
      PQfinish(handle)
      throw failure
    }
    // Notices would go to standard error, which is not ours to write to.
    PQsetNoticeReceiver(handle, { _, _ in }, nil)
    guard PQsetnonblocking(handle, 1) == 0 else {
      PQfinish(handle)
      throw PostgresError(kind: .retry, message: "cannot make the connection non-blocking")
    }
    return handle
  }

  private typealias Connect = (
    UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<UnsafePointer<CChar>?>?, Int32
  ) -> OpaquePointer?

  /// What comes before `dbname` the string may override; what comes after overrides the string.
  private static func begin(
    _ settings: PostgresSettings, _ connect: Connect
  ) throws(PostgresError) -> OpaquePointer {
    var pairs: [(String, String)] = []
    func byDefault(_ key: String, _ value: String, unless variable: String?) {
      if let variable, getenv(variable) != nil { return }
      pairs.append((key, value))
    }
    let seconds = max(2, (settings.connectTimeoutMs + 999) / 1_000)
    byDefault("connect_timeout", "\(seconds)", unless: "PGCONNECT_TIMEOUT")
    byDefault(
      "tcp_user_timeout", "\(settings.statementTimeoutMs + settings.graceMs)", unless: nil)
    byDefault("target_session_attrs", "read-write", unless: "PGTARGETSESSIONATTRS")
    byDefault("application_name", settings.applicationName, unless: "PGAPPNAME")
    byDefault("client_encoding", "UTF8", unless: nil)
    if !settings.connection.isEmpty { pairs.append(("dbname", settings.connection)) }
    if let password = settings.password { pairs.append(("password", password)) }
    let keys = pairs.map { strdup($0.0) }
    let values = pairs.map { strdup($0.1) }
    defer { for text in keys + values { free(text) } }
    let keyList = keys.map { UnsafePointer($0) } + [nil]
    let valueList = values.map { UnsafePointer($0) } + [nil]
    guard let handle = connect(keyList, valueList, 1) else {
      throw PostgresError(kind: .retry, message: "out of memory")
    }
    return handle
  }

  private static func namesSeveralHosts(_ handle: OpaquePointer) -> Bool {
    guard let options = PQconninfo(handle) else { return false }
    defer { PQconninfoFree(options) }
    var option = options
    while let keyword = option.pointee.keyword {
      if ["host", "hostaddr"].contains(String(cString: keyword)), let value = option.pointee.val,
        strchr(value, Int32(UInt8(ascii: ","))) != nil
      {
        return true
      }
      option += 1
    }
    return false
  }

  private static func establish(_ handle: OpaquePointer, until deadline: MonotonicTime)
    -> PostgresError?
  {
    var wanted = POLLOUT
    while PQstatus(handle) != CONNECTION_BAD {
      guard poll(descriptor: PQsocket(handle), wanted, until: deadline) != nil else {
        return PostgresError(
          kind: .retry, message: "could not connect in time", connectionLost: true)
      }
      switch PQconnectPoll(handle) {
      case PGRES_POLLING_OK: return nil
      case PGRES_POLLING_READING: wanted = POLLIN
      case PGRES_POLLING_WRITING: wanted = POLLOUT
      default: return refusal(handle)
      }
    }
    return refusal(handle)
  }

  /// libpq gives no SQLSTATE here. A server that is up and says no (password, database, role) needs a person;
  /// everything else may pass.
  private static func refusal(_ handle: OpaquePointer) -> PostgresError {
    let message = firstLine(PQerrorMessage(handle))
    let needsPerson = [
      "authentication failed", "no password supplied", "does not exist", "no pg_hba.conf entry",
      "invalid connection option", "invalid port number", "invalid integer value",
    ]
    let kind: PostgresError.Kind =
      needsPerson.contains { contains(message, $0) } ? .configuration : .retry
    return PostgresError(kind: kind, message: message, connectionLost: true)
  }

  private static func contains(_ text: String, _ part: String) -> Bool {
    let text = Array(text.utf8)
    let part = Array(part.utf8)
    guard text.count >= part.count else { return false }
    return (0...text.count - part.count).contains { text[$0..<$0 + part.count] == part[...] }
  }
}

/// Waits for events on a descriptor; nil when the deadline passes first.
func poll(descriptor: Int32, _ events: Int32, until deadline: MonotonicTime) -> Int32? {
  var item = pollfd(fd: descriptor, events: Int16(events), revents: 0)
  while true {
    let left = deadline.remainingMs
    let count = Glibc.poll(&item, 1, Int32(min(left, Int(Int32.max))))
    if count > 0 { return Int32(item.revents) }
    if count == 0 && left == 0 { return nil }
    if count < 0 && errno != EINTR { return Int32(POLLERR) }
  }
}

func firstLine(_ text: UnsafePointer<CChar>?) -> String {
  guard let text else { return "" }
  return String(String(cString: text).prefix { $0 != "\n" })
}

/// Lays all parameters out in one buffer and gives libpq's five arrays to `body`.
func withEncoded<Result>(
  _ parameters: [PostgresValue],
  _ body: (
    Int32, UnsafePointer<Oid>?, UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?,
    UnsafePointer<Int32>?
  ) -> Result
) -> Result {
  var bytes: [UInt8] = []
  var ranges: [Range<Int>?] = []
  for parameter in parameters {
    let start = bytes.count
    parameter.append(to: &bytes)
    ranges.append(parameter == .null ? nil : start..<bytes.count)
  }
  bytes.append(0)  // so that an empty value has an address too: libpq reads nil as NULL
  let types = parameters.map(\.typeID)
  let lengths = ranges.map { Int32($0?.count ?? 0) }
  let formats = [Int32](repeating: 1, count: parameters.count)
  return bytes.withUnsafeBytes { buffer in
    let base = buffer.baseAddress!.assumingMemoryBound(to: CChar.self)
    let values = ranges.map { range in range.map { UnsafePointer(base + $0.lowerBound) } }
    return body(Int32(parameters.count), types, values, lengths, formats)
  }
}
