import Foundation

/// The keys of one activity in Redis.
struct RedisState {
  struct Lock {
    let owner: Owner
    let seq, epoch: Int
    let isReleasing: Bool
  }
  /// A claim in its user's record.
  struct Entry {
    let slot: Int
    let owner: Owner
    let isReleased: Bool
  }

  let isListed: Bool
  let fields: [String: String]
  let locks: [Int: Lock]
  let entries: [Entry]
  let free: [String]
  let outbox: Int
  /// What is not written as it has to be.
  let oddities: [String]

  init(folder: String, activity: Int) throws {
    func path(_ name: String) -> String { "\(folder)/\(name).json" }
    isListed = try readRedisList(path("activities")).contains("\(activity)")
    fields = try readRedisHash(path("\(activity).stock"))
    free = try readRedisList(path("\(activity).free"))
    guard let outbox = try readJSON(path("\(activity).outbox")) as? [Any] else {
      throw Unreadable("\(path("\(activity).outbox")) is no list")
    }
    self.outbox = outbox.count
    var oddities: [String] = []
    var locks: [Int: Lock] = [:]
    for (slot, text) in try readRedisHash(path("\(activity).locks")) {
      let parts = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
      if let number = Int(slot), parts.count == 4 || (parts.count == 5 && parts[4] == "r"),
        let seq = Int(parts[2]), let epoch = Int(parts[3])
      {
        locks[number] = Lock(
          owner: Owner(user: parts[0], request: parts[1]), seq: seq, epoch: epoch,
          isReleasing: parts.count == 5)
      } else {
        oddities.append("lock \(slot) reads '\(text)'")
      }
    }
    var entries: [Entry] = []
    for (user, record) in try readRedisHash(path("\(activity).users")) {
      for text in record.split(separator: ",", omittingEmptySubsequences: false) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        if parts.count == 1, let slot = Int(parts[0]) {
          // Who asked for it stands in the lock.
          let lock = locks[slot].flatMap { $0.owner.user == user ? $0 : nil }
          let owner = lock?.owner ?? Owner(user: user, request: "the request of \(slot)")
          entries.append(Entry(slot: slot, owner: owner, isReleased: false))
        } else if parts.count == 3 || (parts.count == 4 && parts[3] == "r"),
          let slot = Int(parts[1]),
          Int(parts[2]) != nil
        {
          entries.append(
            Entry(
              slot: slot, owner: Owner(user: user, request: parts[0]),
              isReleased: parts.count == 4))
        } else {
          oddities.append("the record of \(user) reads '\(record)'")
        }
      }
    }
    (self.locks, self.entries, self.oddities) = (locks, entries, oddities)
  }

  func number(_ field: String) -> Int? { fields[field].flatMap { Int($0) } }
}

/// redis-cli 7.0 writes a quote inside a text as `\\"` and a backslash as four, so that the quote ends the text too early for
/// JSON. Behind two more backslashes than a multiple of four a quote is one of the text.
private func quotesEscaped(_ text: [UInt8]) -> [UInt8] {
  var escaped: [UInt8] = []
  escaped.reserveCapacity(text.count)
  var backslashes = 0
  for byte in text {
    if byte == UInt8(ascii: "\""), backslashes % 4 == 2 { escaped.append(UInt8(ascii: "\\")) }
    backslashes = byte == UInt8(ascii: "\\") ? backslashes + 1 : 0
    escaped.append(byte)
  }
  return escaped
}

func readJSON(_ path: String) throws -> Any {
  do {
    let text = quotesEscaped([UInt8](try readFile(path)))
    return try JSONSerialization.jsonObject(with: Data(text), options: [.fragmentsAllowed])
  } catch let error as Unreadable {
    throw error
  } catch {
    throw Unreadable("\(path) is no JSON: \(error.localizedDescription)")
  }
}

func readRedisHash(_ path: String) throws -> [String: String] {
  guard let object = try readJSON(path) as? [String: String] else {
    throw Unreadable("\(path) is no hash of texts")
  }
  var hash: [String: String] = [:]
  for (field, value) in object { hash[try redisText(field, path)] = try redisText(value, path) }
  return hash
}

func readRedisList(_ path: String) throws -> [String] {
  guard let list = try readJSON(path) as? [String] else {
    throw Unreadable("\(path) is no list of texts")
  }
  return try list.map { try redisText($0, path) }
}

/// The bytes that redis-cli wrote as `\n`, `\"`, `\xff` and the like; what is no UTF-8 is replaced.
func redisText(_ quoted: String, _ path: String) throws -> String {
  guard quoted.utf8.contains(UInt8(ascii: "\\")) else { return quoted }
  var bytes: [UInt8] = []
  var rest = Array(quoted.utf8)[...]
  while let byte = rest.popFirst() {
    guard byte == UInt8(ascii: "\\") else {
      bytes.append(byte)
      continue
    }
    switch rest.popFirst() {
    case UInt8(ascii: "n"): bytes.append(10)
    case UInt8(ascii: "r"): bytes.append(13)
    case UInt8(ascii: "t"): bytes.append(9)
    case UInt8(ascii: "a"): bytes.append(7)
    case UInt8(ascii: "b"): bytes.append(8)
    case UInt8(ascii: "x"):
      guard rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      else {
        throw Unreadable("\(path): '\(quoted)' ends in the middle of a byte")
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    case let other?: bytes.append(other)
    case nil: throw Unreadable("\(path): '\(quoted)' ends in the middle of a byte")
    }
  }
  return String(decoding: bytes, as: UTF8.self)
}
