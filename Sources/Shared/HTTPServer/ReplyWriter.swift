import Glibc

/// Turns replies into bytes, in a buffer that is used again for each.
struct ReplyWriter {
  /// The bytes of the last reply rendered.
  private(set) var bytes: [UInt8] = []
  private var date: [UInt8] = []
  private var dateSecond = Int.min

  static let continueLine = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

  /// How the request that is answered wants its reply.
  struct Form {
    var isHead = false
    var keepsAlive = false
    var minorVersion = 1
  }

  /// Replaces `bytes` by the reply.
  mutating func render(_ reply: HTTPReply, _ form: Form) {
    bytes.removeAll(keepingCapacity: true)
    append("HTTP/1.1 ")
    appendNumber(reply.status)
    append(Self.phrase(reply.status))
    append("\r\nDate: ")
    appendDate()
    if !reply.contentType.isEmpty { appendHeader("Content-Type", reply.contentType) }
    let hasBody = reply.status != 204 && reply.status != 304
    if hasBody {
      append("\r\nContent-Length: ")
      appendNumber(reply.body.count)
    }
    for header in reply.headers { appendHeader(header.name, header.value) }
    if !form.keepsAlive {
      append("\r\nConnection: close")
    } else if form.minorVersion == 0 {
      append("\r\nConnection: keep-alive")
    }
    append("\r\n\r\n")
    if hasBody, !form.isHead { bytes.append(contentsOf: reply.body) }
  }

  private mutating func append(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  private mutating func appendNumber(_ number: Int) {
    precondition(number >= 0)
    if number >= 10 { appendNumber(number / 10) }
    bytes.append(UInt8(0x30 + number % 10))
  }

  private mutating func appendHeader(_ name: String, _ value: String) {
    append("\r\n")
    appendClean(name)
    append(": ")
    appendClean(value)
  }

  /// A line end in a name or value would let its author write headers of their own.
  private mutating func appendClean(_ text: String) {
    let start = bytes.count
    bytes.append(contentsOf: text.utf8)
    for index in start..<bytes.count where Byte.isControl(bytes[index]) {
      bytes[index] = Byte.space
    }
  }

  private mutating func appendDate() {
    var now = time_t(0)
    time(&now)
    if now != dateSecond {
      date = Self.httpDate(now)
      dateSecond = now
    }
    bytes.append(contentsOf: date)
  }

  /// For example `Sun, 06 Nov 1994 08:49:37 GMT`.
  static func httpDate(_ seconds: Int) -> [UInt8] {
    var seconds = time_t(seconds)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = [
      "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let day = "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)])"
    let hour = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    return Array("\(day) \(parts.tm_year + 1_900) \(hour) GMT".utf8)
  }

  /// With the space before it, which stays when there is no phrase.
  static func phrase(_ status: Int) -> StaticString {
    switch status {
    case 200: " OK"
    case 201: " Created"
    case 202: " Accepted"
    case 204: " No Content"
    case 304: " Not Modified"
    case 400: " Bad Request"
    case 401: " Unauthorized"
    case 403: " Forbidden"
    case 404: " Not Found"
    case 405: " Method Not Allowed"
    case 408: " Request Timeout"
    case 409: " Conflict"
    case 411: " Length Required"
    case 413: " Content Too Large"
    case 414: " URI Too Long"
    case 417: " Expectation Failed"
    case 429: " Too Many Requests"
    case 431: " Request Header Fields Too Large"
    case 500: " Internal Server Error"
    case 501: " Not Implemented"
    case 503: " Service Unavailable"
    case 505: " HTTP Version Not Supported"
    default: " "
    }
  }
}
