import Glibc

/// A promise of the code under test: where it is broken the process ends, and libFuzzer keeps the bytes.
func demand(_ holds: Bool, _ promise: @autoclosure () -> String) {
  if holds { return }
  let text = Array("BROKEN: \(promise())\n".utf8)
  _ = write(2, text, text.count)
  abort()
}
