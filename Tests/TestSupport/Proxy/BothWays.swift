/// A value for each way that bytes go through a proxy.
public struct BothWays<Value> {
  public var toServer: Value
  public var toClient: Value

  public init(_ value: Value) { (toServer, toClient) = (value, value) }

  public subscript(_ way: RedirectingProxy.Way) -> Value {
    get { way == .toServer ? toServer : toClient }
    set {
      switch way {
      case .toServer: toServer = newValue
      case .toClient: toClient = newValue
      }
    }
  }
}

extension BothWays: Sendable where Value: Sendable {}
extension BothWays: Equatable where Value: Equatable {}
