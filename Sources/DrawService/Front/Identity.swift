internal import HTTPServer
internal import Stock

/// Who draws. Behind a protocol because a token-based identity can come later.
protocol UserIdentity: Sendable {
  /// The user of a request, or the reply that refuses it.
  func user(of request: HTTPRequest) -> Result<String, Refused>
}

/// A reply in the place of a value.
struct Refused: Error {
  let reply: HTTPReply
}

/// Trusts `X-User-Id`: a gateway that has authenticated the user sets it, and nothing else reaches the port.
struct TrustedHeaderIdentity: UserIdentity {
  func user(of request: HTTPRequest) -> Result<String, Refused> {
    guard let user = request.header("x-user-id"), Identifier.isValid(user) else {
      return .failure(Refused(reply: Problem.invalid("user", "X-User-Id", Identifier.rule)))
    }
    return .success(user)
  }
}
