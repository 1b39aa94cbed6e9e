internal import JSONBytes

extension StockEvent {
  /// Why a message is not an event that this code can apply.
  public enum DecodingFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// Broken for ever: a dead letter. The text names what is wrong.
    case malformed(String)
    /// Written by a newer version: this reader has to be upgraded first.
    case newerVersion(Int64)
    /// A type that this reader does not know: upgrade it first.
    case unknownType(String)

    public var description: String {
      switch self {
      case .malformed(let reason): reason
      case .newerVersion(let version): "version \(version), this reader knows \(StockEvent.version)"
      case .unknownType(let type): "type '\(type)' is unknown to this reader"
      }
    }
  }

  /// Reads a message that must be an event. Unknown fields are ignored, repeated and missing ones are not.
  public static func decode(_ bytes: [UInt8]) throws(DecodingFailure) -> StockEvent {
    switch try TopicRecord.decode(bytes) {
    case .event(let event): return event
    case .barrier: throw .malformed("a barrier is no event")
    }
  }

  /// The known fields of a message as they are met.
  fileprivate struct Fields {
    var integers:
      (v: Int64?, activity: Int64?, slot: Int64?, seq: Int64?, epoch: Int64?, time: Int64?)
    var texts: (type: String?, user: String?, request: String?)
    var wrong: String?

    init() {}

    mutating func set(_ name: String, _ value: JSONValue) {
      switch name {
      case "v": wrong = Self.integer(name, value, &integers.v) ?? wrong
      case "activity": wrong = Self.integer(name, value, &integers.activity) ?? wrong
      case "slot": wrong = Self.integer(name, value, &integers.slot) ?? wrong
      case "seq": wrong = Self.integer(name, value, &integers.seq) ?? wrong
      case "epoch": wrong = Self.integer(name, value, &integers.epoch) ?? wrong
      case "time": wrong = Self.integer(name, value, &integers.time) ?? wrong
      case "type": wrong = Self.text(name, value, &texts.type) ?? wrong
      case "user": wrong = Self.text(name, value, &texts.user) ?? wrong
      case "request": wrong = Self.text(name, value, &texts.request) ?? wrong
      default: break
      }
    }

    /// Keeps the value, or tells what is wrong with it.
    private static func integer(_ name: String, _ value: JSONValue, _ field: inout Int64?)
      -> String?
    {
      guard case .integer(let number) = value else { return "\(name) is not a whole number" }
      if field != nil { return "\(name) is there twice" }
      field = number
      return nil
    }

    private static func text(_ name: String, _ value: JSONValue, _ field: inout String?) -> String?
    {
      guard case .string(let text) = value else { return "\(name) is not a string" }
      if field != nil { return "\(name) is there twice" }
      field = text
      return nil
    }

    func record() throws(DecodingFailure) -> TopicRecord {
      // A newer layout may have other fields: its version is all that may be asked of it.
      guard let version = integers.v else { throw .malformed(wrong ?? "v is missing") }
      if version > StockEvent.version { throw .newerVersion(version) }
      guard version == StockEvent.version else { throw .malformed("v \(version) is unknown") }
      guard let type = texts.type else { throw .malformed(wrong ?? "type is missing") }
      if type == Barrier.type {
        if let wrong { throw .malformed(wrong) }
        return .barrier(
          Barrier(
            epoch: try positive("epoch", integers.epoch),
            timeMs: try positive("time", integers.time)))
      }
      guard let kind = Kind(rawValue: type) else { throw .unknownType(type) }
      if let wrong { throw .malformed(wrong) }
      return .event(try event(kind))
    }

    private func event(_ kind: Kind) throws(DecodingFailure) -> StockEvent {
      guard let activity = ActivityID(try required("activity", integers.activity)) else {
        throw .malformed("activity is not within 1 to 2^53 - 1")
      }
      return StockEvent(
        kind: kind, activity: activity,
        slot: try positive("slot", integers.slot),
        seq: try positive("seq", integers.seq),
        epoch: try positive("epoch", integers.epoch),
        user: try identifier("user", texts.user),
        request: try identifier("request", texts.request),
        timeMs: try positive("time", integers.time))
    }

    private func required<Value>(_ name: String, _ value: Value?) throws(DecodingFailure) -> Value {
      guard let value else { throw .malformed("\(name) is missing") }
      return value
    }

    /// No number of an event leaves what Redis' Lua can count exactly.
    private func positive(_ name: String, _ value: Int64?) throws(DecodingFailure) -> Int64 {
      let number = try required(name, value)
      guard ActivityID.range.contains(number) else {
        throw .malformed("\(name) is not within 1 to 2^53 - 1")
      }
      return number
    }

    private func identifier(_ name: String, _ value: String?) throws(DecodingFailure) -> String {
      let text = try required(name, value)
      guard Identifier.isValid(text) else {
        throw .malformed("\(name) is not \(Identifier.rule)")
      }
      return text
    }
  }
}

extension TopicRecord {
  /// Reads a message of the topic. Unknown fields are ignored, repeated and missing ones are not.
  public static func decode(_ bytes: [UInt8]) throws(StockEvent.DecodingFailure) -> TopicRecord {
    guard bytes.count <= StockEvent.maximumBytes else {
      throw .malformed("\(bytes.count) bytes are too many")
    }
    var fields = StockEvent.Fields()
    do {
      try JSONReader.object(bytes) { fields.set($0, $1) }
    } catch {
      throw .malformed("not a JSON object: \(error)")
    }
    return try fields.record()
  }
}
