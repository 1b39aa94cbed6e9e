public import KafkaClient

/// What a link has to say, in the order in which the link learnt it.
public enum ControlEvent: Sendable, Equatable {
  /// All in-sync replicas have the record of this ticket, at this offset.
  case acknowledged(ticket: Int, offset: Int64)
  /// Not acknowledged; where the error says so, the record may be in the topic all the same.
  case failed(ticket: Int, KafkaError)
  /// Everything below `position` was read; `highestEpoch` is the highest of what is new since the last event.
  ///
  /// A record at offset o was read when `position > o`. The position can go back: to 0 when the log was cut short and is
  /// read again from its beginning. So the last event counts, not the highest position.
  case read(position: Int64, highestEpoch: Int64?)
  /// For the log.
  case client(KafkaClientEvent)
}
