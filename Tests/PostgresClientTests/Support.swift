import PostgresClient
import TestSupport

/// A database of the test's own on the stack that tests share.
func freshSettings(_ change: (inout PostgresSettings) -> Void = { _ in }) throws
  -> PostgresSettings
{
  let stack = try LocalStack.shared([.postgres])
  var settings = PostgresSettings(connection: try stack.freshDatabase())
  change(&settings)
  return settings
}

/// Runs `body`, which has to fail, and gives its error.
func failure<Value>(_ body: () throws(PostgresError) -> Value) -> PostgresError? {
  do throws(PostgresError) {
    _ = try body()
    return nil
  } catch {
    return error
  }
}
