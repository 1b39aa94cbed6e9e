import Log
import Testing

@testable import DrawService

@Suite struct KafkaEventsTests {
  @Test func aClientsWarningsAreWarnings() {
    #expect(LogLevel(syslogLevel: 3, facility: "FAIL") == .warning)
    #expect(LogLevel(syslogLevel: 4, facility: "CONFWARN") == .warning)
    #expect(LogLevel(syslogLevel: 5, facility: "INIT") == .debug)
    #expect(LogLevel(syslogLevel: 6, facility: "CONTROL") == .warning)
  }
}
