import Foundation

/// One answer that a client got, out of `told.jsonl`. Times are microseconds of the record's own clock.
struct Told: Sendable {
  enum Call: String, Sendable { case ask, look, giveBack }
  enum Answer: Equatable, Sendable {
    case claimed(slot: Int, replayed: Bool)
    case pending
    case released
    /// A plain no, with its code.
    case refused(String)
    /// 503: of these `overloaded` alone says that nothing was done.
    case later(String)
    case unknown
    /// Something that the API does not have.
    case wrong
  }

  let sentUs: Int
  /// Not before the answer was there: the record cuts fractions off.
  let answeredUs: Int
  /// The number of the DrawService that was asked.
  let service: Int
  let user: String
  /// The request that the call named; nil: it asked without a key.
  let asked: String?
  /// The request that the answer is about; nil: nobody knows.
  let request: String?
  let call: Call
  let answer: Answer

  var owner: Owner? { request.map { Owner(user: user, request: $0) } }
}

extension Told {
  private struct Line: Decodable {
    let sentUs, latencyUs, service: Int
    let user: String
    let request: String?
    let call: String
    let answer: String
    let slot: Int?
    let replayed: Bool?
    let code: String?
    let answeredAs: String?
    let keyed: Bool?
  }

  static func read(_ path: String) throws -> [Told] {
    try readLines(path) { (line: Line) in
      guard let call = Call(rawValue: line.call) else {
        throw Unreadable("call '\(line.call)' is unknown")
      }
      let answer: Answer
      switch line.answer {
      case "claimed":
        guard let slot = line.slot, let replayed = line.replayed, line.request != nil else {
          throw Unreadable("claimed without slot, replayed or request")
        }
        answer = .claimed(slot: slot, replayed: replayed)
      case "pending": answer = .pending
      case "released": answer = .released
      case "refused": answer = .refused(line.code ?? "")
      case "later": answer = .later(line.code ?? "")
      case "unknown": answer = .unknown
      case "wrong": answer = .wrong
      default: throw Unreadable("answer '\(line.answer)' is unknown")
      }
      // Who asks without a key is told a request by the answer; looks and give-backs name theirs.
      let isKeyed = line.call != "ask" || line.keyed ?? true
      let asked = isKeyed ? line.request : nil
      var about = line.answeredAs ?? asked
      if about == nil, line.answer == "claimed" || line.answer == "pending" { about = line.request }
      return Told(
        sentUs: line.sentUs, answeredUs: line.sentUs + line.latencyUs + 2,
        service: line.service, user: line.user, asked: asked, request: about, call: call,
        answer: answer)
    }
  }
}

/// A JSON object a line; `read` makes a value of it or throws why not.
func readLines<Line: Decodable, Value>(_ path: String, _ read: (Line) throws -> Value) throws
  -> [Value]
{
  let decoder = JSONDecoder()
  let lines = try readFile(path).split(separator: UInt8(ascii: "\n"))
  return try lines.enumerated().map { index, line in
    do {
      return try read(try decoder.decode(Line.self, from: Data(line)))
    } catch let error as Unreadable {
      throw Unreadable("\(path), line \(index + 1): \(error)")
    } catch {
      throw Unreadable("\(path), line \(index + 1) cannot be read")
    }
  }
}
