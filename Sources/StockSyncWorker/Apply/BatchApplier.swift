import PostgresClient

/// Applies batches on a session: splits, bisects and tries again where that helps, and says how it ended.
struct BatchApplier {
  enum Outcome: Sendable {
    case applied(Applied)
    /// Another worker moved the position, or a former life of this one did: read it again.
    case positionLost
    /// Postgres cannot now, or nobody knows whether it did: read the position once it answers.
    case unavailable(PostgresError)
    case corrupt(PostgresError)
  }

  let transaction: BatchTransaction

  /// What was committed before it ended otherwise than well is told in `progress`.
  func apply(
    _ batch: Batch, on session: PostgresSession, progress: (Applied) -> Void = { _ in }
  ) -> Outcome {
    let outcome = Self.apply(batch, progress: progress) { part throws(PostgresError) in
      try transaction.run(part, on: try session.connection())
    }
    if case .applied = outcome { session.succeeded() }
    return outcome
  }

  /// The same with any way to run a part as one transaction.
  static func apply(
    _ batch: Batch, progress: (Applied) -> Void = { _ in },
    run: (Batch) throws(PostgresError) -> BatchTransaction.Outcome
  ) -> Outcome {
    var total = Applied()
    var parts = [(batch: batch, attempt: 1)]
    while let (part, attempt) = parts.popLast() {
      let prefix = part.independentPrefix
      if prefix < part.messages.count {
        push(part.split(at: prefix), onto: &parts)
        continue
      }
      do throws(PostgresError) {
        switch try run(part) {
        case .positionLost: return .positionLost
        case .committed(let applied):
          progress(applied)
          total = total + applied
        }
      } catch {
        switch ApplyDecision.after(error, messages: part.messages.count, attempt: attempt) {
        case .again: parts.append((part, attempt + 1))
        case .bisect: push(part.split(at: part.messages.count / 2), onto: &parts)
        case .bury: parts.append((part.buried(.refused, detail: error.description), 1))
        case .park: return .unavailable(error)
        case .stop: return .corrupt(error)
        }
      }
    }
    return .applied(total)
  }

  private static func push(
    _ halves: (Batch, Batch), onto parts: inout [(batch: Batch, attempt: Int)]
  ) {
    parts.append((halves.1, 1))
    parts.append((halves.0, 1))
  }
}
