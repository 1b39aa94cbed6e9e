import KafkaClient
import Stock

/// What the records of the topic amount to, as far as they were read.
struct ControlLog {
  /// Of all records; it never sinks, also when the log is read again.
  private(set) var highestEpoch: Int64?
  private(set) var undecodableCount = 0

  /// Takes one message in; gives its epoch if it has one. What can't be read is counted, and told the first time.
  mutating func take(_ message: KafkaMessage, tell: (KafkaClientEvent) -> Void) -> Int64? {
    guard let payload = message.value else { return nil }  // an operator removed a key
    switch ControlRecord.decode(payload) {
    case .epoch(let epoch, _):
      highestEpoch = max(highestEpoch ?? epoch, epoch)
      return epoch
    case .heartbeat: return nil
    case nil:
      undecodableCount += 1
      if undecodableCount == 1 { tell(Self.undecodable(at: message.offset)) }
      return nil
    }
  }

  private static func undecodable(at offset: Int64) -> KafkaClientEvent {
    .log(
      level: 4, facility: "CONTROL",
      text: "the control record at offset \(offset) is none that this version knows; it and "
        + "others like it are ignored")
  }
}
