import Stock

/// One message of the topic, decoded as far as it can be.
struct StreamMessage: Sendable, Equatable {
  enum Content: Sendable, Equatable {
    case event(StockEvent)
    /// From here on its partition's events of a lower epoch are void.
    case barrier(Barrier)
    /// A dead letter, whatever the database holds.
    case unusable(DeadLetter.Reason, detail: String)
  }

  let partition: Int32
  let offset: Int64
  let key: [UInt8]?
  let payload: [UInt8]?
  let content: Content

  /// What a message turns out to be.
  enum Decoded: Equatable {
    case message(StreamMessage)
    /// Its partition has to wait for a newer worker.
    case tooNew(String)
  }

  static func decode(partition: Int32, offset: Int64, key: [UInt8]?, payload: [UInt8]?) -> Decoded {
    func made(_ content: Content) -> Decoded {
      .message(
        StreamMessage(
          partition: partition, offset: offset, key: key, payload: payload, content: content))
    }
    guard let payload else { return made(.unusable(.malformed, detail: "no value")) }
    do {
      switch try TopicRecord.decode(payload) {
      case .event(let event): return made(.event(event))
      case .barrier(let barrier): return made(.barrier(barrier))
      }
    } catch {
      switch error {
      case .malformed(let reason): return made(.unusable(.malformed, detail: reason))
      case .newerVersion, .unknownType: return .tooNew(error.description)
      }
    }
  }

  /// The same message as a dead letter.
  func buried(_ reason: DeadLetter.Reason, detail: String) -> StreamMessage {
    StreamMessage(
      partition: partition, offset: offset, key: key, payload: payload,
      content: .unusable(reason, detail: detail))
  }
}

/// A message that is kept aside instead of applied.
struct DeadLetter: Sendable, Equatable {
  enum Reason: String, Sendable {
    case malformed
    case unknownActivity = "unknown_activity"
    case slotOutOfRange = "slot_out_of_range"
    /// Another event has this slot and seq: somebody issued twice.
    case slotSeqConflict = "slot_seq_conflict"
    /// The request holds another slot: the first is kept.
    case requestHasOtherSlot = "request_has_other_slot"
    /// The request was given back and is never claimed again.
    case requestWasReleased = "request_was_released"
    /// From before the last recovery.
    case voidEpoch = "void_epoch"
    /// Postgres refused its values.
    case refused

    /// What must not happen while Redis and the services are right: a person has to look.
    var isAlarm: Bool {
      switch self {
      case .malformed, .refused, .unknownActivity, .slotOutOfRange: false
      case .slotSeqConflict, .requestHasOtherSlot, .requestWasReleased, .voidEpoch: true
      }
    }
  }

  let message: StreamMessage
  let reason: Reason
  let detail: String
}
