public import Threads

/// The methods that have a name here; a request with any other gets 501.
public enum HTTPMethod: String, Sendable {
  case get = "GET"
  case head = "HEAD"
  case post = "POST"
  case put = "PUT"
  case delete = "DELETE"
  case patch = "PATCH"
  case options = "OPTIONS"
  /// Answered with 501 by the server, like the next one; a handler never sees them.
  case trace = "TRACE"
  case connect = "CONNECT"
}

/// A request that was read to its end and found well-formed.
public struct HTTPRequest: Sendable {
  public let method: HTTPMethod
  /// As sent, still percent-encoded, without the query; `*` for `OPTIONS *`.
  public let path: String
  /// What follows the first `?`, as sent; nil without one.
  public let query: String?
  public let body: [UInt8]
  /// When its end came: at most `HTTPServer.arrivalPrecisionMs` too late, also where the process was stopped meanwhile.
  ///
  /// A request made by hand came when it was made; one that was parsed is dated by its loop.
  public internal(set) var arrived = MonotonicTime(nanoseconds: 0)

  /// The bytes from the request line to the empty line, into which `fields` and `target` point.
  let head: [UInt8]
  let fields: [HeaderField]
  let target: Range<Int>
  let minorVersion: Int
  let keepsAlive: Bool

  public var isHead: Bool { method == .head }

  /// The value of a header, nil if absent. Bytes that are no UTF-8 come as U+FFFD.
  ///
  /// A name that was sent several times (never one of `singleHeaders`) gives its values joined by `, `.
  public func header(_ lowercaseName: StaticString) -> String? {
    var found: String?
    for field in fields where head.span.hasName(lowercaseName, in: field.name) {
      let value = String(decoding: head[field.value], as: UTF8.self)
      found = found.map { $0 + ", " + value } ?? value
    }
    return found
  }

  /// A request made by hand: for tests of handlers.
  public init(
    method: HTTPMethod, path: String, query: String? = nil,
    headers: [(name: String, value: String)] = [], body: [UInt8] = []
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.body = body
    arrived = .now
    var head: [UInt8] = []
    var fields: [HeaderField] = []
    func append(_ text: String) -> Range<Int> {
      let start = head.count
      head.append(contentsOf: text.utf8)
      return start..<head.count
    }
    target = append(query.map { path + "?" + $0 } ?? path)
    for header in headers {
      fields.append(HeaderField(name: append(header.name), value: append(header.value)))
    }
    self.head = head
    self.fields = fields
    minorVersion = 1
    keepsAlive = true
  }

  init(
    method: HTTPMethod, path: String, query: String?, body: [UInt8], head: [UInt8],
    fields: [HeaderField], target: Range<Int>, minorVersion: Int, keepsAlive: Bool
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.body = body
    self.head = head
    self.fields = fields
    self.target = target
    self.minorVersion = minorVersion
    self.keepsAlive = keepsAlive
  }
}

/// Where a header line's name and value lie in the head.
struct HeaderField: Sendable {
  let name: Range<Int>
  let value: Range<Int>
}
