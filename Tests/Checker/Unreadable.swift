/// Evidence that is missing or not what it has to be. No evidence is no proof.
public struct Unreadable: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}
