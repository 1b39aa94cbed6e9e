/// How a transaction's body wants it to end.
public enum TransactionEnd<Value> {
  case commit(Value)
  case rollback(Value)
}

extension PostgresConnection {
  /// Runs `body` between BEGIN and COMMIT or ROLLBACK.
  ///
  /// An error of `body` rolls back and is thrown on. An error of COMMIT says with `outcomeUnknown` when the
  /// transaction may be committed all the same.
  public func transaction<Value>(
    _ body: (PostgresConnection) throws(PostgresError) -> TransactionEnd<Value>
  ) throws(PostgresError) -> Value {
    try execute("BEGIN ISOLATION LEVEL READ COMMITTED")
    let end: TransactionEnd<Value>
    do {
      end = try body(self)
    } catch {
      rollBack()
      throw error
    }
    switch end {
    case .rollback(let value):
      rollBack()
      return value
    case .commit(let value):
      try commit()
      return value
    }
  }

  private func commit() throws(PostgresError) {
    let result: PostgresResult
    do {
      result = try execute("COMMIT")
    } catch {
      // A serialization failure or a deferred constraint is a no; anything else may have come after the yes.
      let refused =
        !error.connectionLost && (error.kind != .retry || error.sqlState.hasPrefix("40"))
      if !refused { close() }
      throw refused ? error : error.withOutcomeUnknown()
    }
    // COMMIT of a transaction that had failed answers ROLLBACK, without an error.
    guard result.commandTag == "COMMIT" else {
      throw PostgresError(
        kind: .retry, sqlState: "25P02", message: "the transaction was rolled back")
    }
  }

  /// Gives the connection up if it cannot be rolled back: the server then does it.
  private func rollBack() {
    guard isOpen else { return }
    do { try execute("ROLLBACK") } catch { close() }
  }
}
