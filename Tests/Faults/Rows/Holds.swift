import Foundation
import TestSupport

// DESIGN
// The test build of both services stops a thread before a step that is named to it, once a file is there
// (`SLIDING_STOCK_TEST_HOLD`, `…_HOLD_FROM`). So an instance is started again with the name of its step, the sale goes
// on with it, and at the moment of the fault the file is made: the next time that it comes to the step it stands there,
// says so in its log, and is killed.

/// A place in a service where it is killed.
struct Hold: Sendable {
  /// In `SLIDING_STOCK_TEST_HOLD`.
  let step: String
  /// In words.
  let place: String
  private let file: String

  init(_ step: String, _ place: String, of service: ServiceProcess, in sale: Sale) {
    (self.step, self.place) = (step, place)
    file = "\(sale.folder)/hold-\(service.name)-\(step)"
  }

  /// Starts it again, in good order, with the hold.
  func prepare(_ service: ServiceProcess, _ more: [String: String] = [:]) throws {
    try service.terminate()
    let settings = ["SLIDING_STOCK_TEST_HOLD": step, "SLIDING_STOCK_TEST_HOLD_FROM": file]
    try service.start(settings.merging(more) { $1 })
    try service.awaitReady()
  }

  /// Waits until it stands there.
  func take(_ service: ServiceProcess) throws {
    try Data().write(to: URL(fileURLWithPath: file))
    let isHeld = eventually(within: 20, everyMs: 5) {
      service.events("test_hold", lastRunAlone: true).contains { $0["step"] as? String == step }
    }
    guard isHeld else { throw TestSupportError("\(service.name) never came to \(step)") }
  }
}
