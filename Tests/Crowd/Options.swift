/// How the crowd was called.
struct Options: Sendable {
  var urls: [String] = []
  var activity = 0
  var users = 30_000
  var firstUser = 1
  var concurrency = 256
  var habits = Habits()
  var untilHeld = false
  var asksAtEnd = false
  var isShared = false
  var isLoadOnly = false
  var requestsPerSecond = 0.0
  var hurryFile: String?
  var keepBack = 0
  var deadlineS = 300
  var settleS = 60
  var timeoutMs = 10_000
  var patience = 200
  var claimDeadlineMs = 2_000
  var redisHost = "127.0.0.1"
  var redisPort = 6379
  var redisSocket = ""
  var postgres = ""
  var isJSON = false
  var record: String?
  var stopFile: String?
  var isHelp = false
}

/// A wrong command line.
struct UsageError: Error, CustomStringConvertible {
  let description: String
}

extension Options {
  /// One option: its name, the word for its value (none: a switch), its help, and what it does.
  private struct Option {
    let name: String
    let value: String?
    let help: String
    let set: @Sendable (inout Options, String) -> Bool
  }

  /// Reads the arguments after the program's name. What the environment gives comes first.
  static func parse(
    _ arguments: [String], environment: (String) -> String?
  ) throws(UsageError) -> Options {
    var options = Options()
    options.readEnvironment(environment)
    var rest = arguments[...]
    while let word = rest.popFirst() {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      guard let option = all.first(where: { $0.name == parts.first }) else {
        throw UsageError(description: "unknown option '\(word)'")
      }
      var value = parts.count > 1 ? parts[1] : ""
      if option.value != nil && parts.count == 1 {
        guard let next = rest.popFirst() else {
          throw UsageError(description: "\(option.name) needs a value")
        }
        value = next
      }
      guard option.value != nil || parts.count == 1, option.set(&options, value) else {
        throw UsageError(description: "\(option.name): '\(value)' is not right")
      }
    }
    if !options.isHelp { try options.validate() }
    return options
  }

  private mutating func readEnvironment(_ environment: (String) -> String?) {
    redisHost = environment("SLIDING_STOCK_REDIS_HOST") ?? redisHost
    redisPort = environment("SLIDING_STOCK_REDIS_PORT").flatMap { Int($0) } ?? redisPort
    redisSocket = environment("SLIDING_STOCK_REDIS_SOCKET") ?? redisSocket
    postgres = environment("SLIDING_STOCK_POSTGRES_CONNECTION") ?? postgres
  }

  private func validate() throws(UsageError) {
    if urls.isEmpty { throw UsageError(description: "--url is missing") }
    if activity == 0 { throw UsageError(description: "--activity is missing") }
    if isShared && isLoadOnly {
      throw UsageError(description: "--shared is about checks, --load-only makes none")
    }
  }

  static var help: String {
    var text = """
      Usage: Crowd --url URL --activity ID [option …]

      Draws as a crowd of users against DrawServices, keeps what each was told, and holds it against
      Redis and Postgres afterwards.


      """
    for option in all {
      let left = "  " + option.name + (option.value.map { " \($0)" } ?? "")
      text += left + String(repeating: " ", count: max(2, 30 - left.count)) + option.help + "\n"
    }
    return text + """

      Redis and Postgres are found as by the services: SLIDING_STOCK_REDIS_HOST, _PORT, _SOCKET, _DATABASE, _USER,
      _PASSWORD[_FILE], SLIDING_STOCK_POSTGRES_CONNECTION, _PASSWORD[_FILE]; passwords come from there alone.
      SIGTERM, SIGINT or the stop file end the asking; what is in flight is finished, then checked.
      Exit status: 0 every promise held; 1 one is broken; 2 wrong usage; 3 could not finish.

      """
  }

  private static let all: [Option] = [
    Option(name: "--url", value: "URL", help: "a DrawService, http://host:port; repeatable") {
      $0.urls.append($1.hasSuffix("/") ? String($1.dropLast()) : $1)
      return $1.hasPrefix("http://")
    },
    Option(name: "--activity", value: "ID", help: "what to draw from") {
      whole($1, 1...9_007_199_254_740_991, &$0.activity)
    },
    Option(name: "--users", value: "N", help: "users that come (30000)") {
      whole($1, 1...10_000_000, &$0.users)
    },
    Option(
      name: "--first-user", value: "N", help: "number of the first, for crowds side by side (1)"
    ) {
      whole($1, 1...1_000_000_000, &$0.firstUser)
    },
    Option(name: "--concurrency", value: "N", help: "connections (256)") {
      whole($1, 1...10_000, &$0.concurrency)
    },
    Option(
      name: "--limit", value: "N", help: "the activity's limit per user, so many draws each (1)"
    ) {
      whole($1, 1...100, &$0.habits.limit)
    },
    Option(
      name: "--ask-twice", value: "SHARE",
      help: "who ask again, a quarter of them twice at once (0.2)"
    ) {
      share($1, &$0.habits.askTwice)
    },
    Option(name: "--keyless", value: "SHARE", help: "who send no Idempotency-Key, with limit 1 (0)")
    {
      share($1, &$0.habits.keyless)
    },
    Option(name: "--give-back", value: "SHARE", help: "claims that are given back (0.05)") {
      share($1, &$0.habits.giveBack)
    },
    Option(name: "--over-limit", value: "SHARE", help: "who try one draw too many (0.05)") {
      share($1, &$0.habits.overLimit)
    },
    Option(
      name: "--second-chance", value: "SHARE",
      help: "of those who gave back, who draw once more (0.5)"
    ) {
      share($1, &$0.habits.secondChance)
    },
    Option(name: "--until-held", value: nil, help: "go on until every slot is held") { options, _ in
      options.untilHeld = true
      return true
    },
    Option(
      name: "--ask-at-end", value: nil,
      help: "when all is decided, look once more at every slot that was told: it must be the same"
    ) { options, _ in
      options.asksAtEnd = true
      return true
    },
    Option(
      name: "--requests-per-second", value: "R",
      help: "users come at this rate; 0: as fast as they are served (0)"
    ) {
      guard let rate = Double($1), rate >= 0, rate < 1e7 else { return false }
      $0.requestsPerSecond = rate
      return true
    },
    Option(
      name: "--hurry-file", value: "FILE",
      help: "the rate counts until it exists; then as fast as they are served"
    ) {
      $0.hurryFile = $1
      return !$1.isEmpty
    },
    Option(
      name: "--keep-back", value: "N", help: "leave so many slots until the hurry file exists (0)"
    ) {
      whole($1, 0...10_000_000, &$0.keepBack)
    },
    Option(
      name: "--patience", value: "N",
      help: "tries in a row that decide nothing before a user goes home (200)"
    ) {
      whole($1, 0...1_000_000, &$0.patience)
    },
    Option(name: "--timeout-ms", value: "MS", help: "for one call (10000)") {
      whole($1, 100...600_000, &$0.timeoutMs)
    },
    Option(
      name: "--claim-deadline-ms", value: "MS",
      help: "the services' own: a lost call is over a second after it (2000)"
    ) {
      whole($1, 50...60_000, &$0.claimDeadlineMs)
    },
    Option(name: "--deadline", value: "S", help: "stop asking after so many seconds (300)") {
      whole($1, 1...86_400, &$0.deadlineS)
    },
    Option(
      name: "--settle", value: "S",
      help: "time for calls in flight, then for Postgres to catch up (60)"
    ) {
      whole($1, 1...3_600, &$0.settleS)
    },
    Option(
      name: "--seed", value: "N",
      help: "who does what; the same seed sends the same requests (random)"
    ) {
      guard let seed = UInt64($1) else { return false }
      $0.habits.seed = seed
      return true
    },
    Option(name: "--shared", value: nil, help: "others draw too: their claims are no finding") {
      options, _ in
      options.isShared = true
      return true
    },
    Option(
      name: "--load-only", value: nil,
      help: "leave Redis and Postgres alone, check only what was told"
    ) { options, _ in
      options.isLoadOnly = true
      return true
    },
    Option(name: "--redis", value: "PLACE", help: "host:port, or the path of a socket") {
      $0.setRedis($1)
    },
    Option(
      name: "--postgres", value: "CONNINFO", help: "libpq's connection string, without a password"
    ) {
      $0.postgres = $1
      return !$1.contains("password")
    },
    Option(name: "--record", value: "FILE", help: "write every answer there, as JSON lines") {
      $0.record = $1
      return !$1.isEmpty
    },
    Option(name: "--stop-file", value: "FILE", help: "stop asking when it exists") {
      $0.stopFile = $1
      return !$1.isEmpty
    },
    Option(name: "--json", value: nil, help: "JSON on standard output, the table on standard error")
    { options, _ in
      options.isJSON = true
      return true
    },
    Option(name: "--help", value: nil, help: "this") { options, _ in
      options.isHelp = true
      return true
    },
  ]

  private mutating func setRedis(_ place: String) -> Bool {
    if place.hasPrefix("/") {
      redisSocket = place
      return true
    }
    guard let colon = place.lastIndex(of: ":") else { return false }
    redisSocket = ""
    redisHost = String(place[..<colon])
    return !redisHost.isEmpty
      && Self.whole(String(place[place.index(after: colon)...]), 1...65_535, &redisPort)
  }

  private static func whole(_ text: String, _ range: ClosedRange<Int>, _ into: inout Int) -> Bool {
    guard let number = Int(text), range.contains(number) else { return false }
    into = number
    return true
  }

  private static func share(_ text: String, _ into: inout Double) -> Bool {
    guard let number = Double(text), (0...1).contains(number) else { return false }
    into = number
    return true
  }
}
