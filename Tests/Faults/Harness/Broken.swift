/// A promise of the services that was broken before the eyes of the harness: a violation like those that the checker finds.
///
/// Whatever else is thrown in a round says only that the round proves nothing.
struct Broken: Error, CustomStringConvertible {
  let description: String

  init(_ text: String) { description = text }
}
