import Testing

@testable import Configuration

@Suite struct RefusalTests {
  @Test(arguments: [
    ("number", "x", "number 'x' is not a whole number"),
    ("number", "", "number '' is not a whole number"),
    ("number", "1.5", "number '1.5' is not a whole number"),
    ("number", "0", "number '0' is outside 1…10"),
    ("number", "11", "number '11' is outside 1…10"),
    ("number", "99999999999999999999", "number '99999999999999999999' is not a whole number"),
    ("flag", "yes", "flag 'yes' is neither true nor false"),
    ("flag", "", "flag '' is neither true nor false"),
    ("choice", "blue", "choice 'blue' is none of red, green"),
    ("choice", "", "choice '' is none of red, green"),
    // What went astray behind an equals sign may be a secret.
    ("number", "--some-secret=xyzzy", "number '--some-secret=…' is not a whole number"),
  ])
  func aWrongValueNamesItsKeyAndItsSource(_ name: String, _ value: String, _ text: String) throws {
    #expect(complaint(["--\(name)=\(value)"]) == "\(text) (from the command line)")
    let variable = "SLIDING_STOCK_\(name.uppercased())"
    #expect(complaint(environment: [variable: value]) == "\(text) (from \(variable))")
    try withFile("\n\(name) = \(value)\n") { (path: String) throws in
      #expect(complaint(["--config", path]) == "\(text) (from \(path):2)")
    }
  }

  @Test(
    arguments: [
      (["--nothing"], "--nothing is no option; --help lists them"),
      (["--nothing=1"], "--nothing is no option; --help lists them"),
      (["-x"], "-x is no option; --help lists them"), (["--"], nil),
      (["--number"], "--number has no value"), (["--number", "--flag"], "--number has no value"),
      (["--text", "-1"], nil), (["--config"], "--config has no value"),
      (["--text-file", "/x"], "--text-file is no option; --help lists them"),
      (["--kafka-property", "x"], "--kafka-property takes name=value"),
      (["--kafka-property", "=x"], "--kafka-property takes name=value"),
      (["--kafka.property=a=b"], "--kafka.property is no option; --help lists them"),
    ] as [([String], String?)])
  func optionsThatAreNone(_ arguments: [String], _ expected: String?) {
    #expect(complaint(arguments) == expected)
  }

  @Test(arguments: [
    ("SLIDING_STOCK_NUMBR", "SLIDING_STOCK_NUMBR is no setting (from the environment)"),
    ("SLIDING_STOCK_", "SLIDING_STOCK_ is no setting (from the environment)"),
    ("SLIDING_STOCK_number", "SLIDING_STOCK_number is no setting (from the environment)"),
    ("SLIDING_STOCK_TEXT_FILE", "SLIDING_STOCK_TEXT_FILE is no setting (from the environment)"),
    (
      "SLIDING_STOCK_KAFKA_PROPERTY",
      "kafka.property is no setting (from SLIDING_STOCK_KAFKA_PROPERTY)"
    ),
    (
      "SLIDING_STOCK_KAFKA_PROPERTY_",
      "kafka.property names no property (from SLIDING_STOCK_KAFKA_PROPERTY_)"
    ),
    ("SLIDINGSTOCK_NUMBER", nil), ("NUMBER", nil), ("SLIDING_STOCK", nil),
  ])
  func variablesThatAreNone(_ variable: String, _ expected: String?) {
    #expect(complaint(environment: [variable: "1"]) == expected)
  }

  @Test(arguments: [
    ("numbr = 1", "numbr is no setting (from PATH:1)"), ("number", "PATH:1 is not 'key = value'"),
    ("= 1", " is no setting (from PATH:1)"),
    ("number = 1\nnumber = 2", "number is set twice (from PATH:1 and PATH:2)"),
    ("kafka.property = 1", "kafka.property is no setting (from PATH:1)"),
    ("kafka.property. = 1", "kafka.property names no property (from PATH:1)"),
    ("config = x", "config is no setting (from PATH:1)"),
    ("text = a\u{0}b", "text contains a NUL (from PATH:1)"),
    ("kafka.property.a = a\u{0}b", "kafka.property.a contains a NUL (from PATH:1)"),
  ])
  func linesThatAreNone(_ text: String, _ expected: String) throws {
    try withFile(text) { (path: String) throws in
      let expected = expected.split(separator: "PATH", omittingEmptySubsequences: false)
      #expect(complaint(["--config", path]) == expected.joined(separator: path))
    }
  }

  @Test func filesThatCannotBeReadAreNamed() throws {
    #expect(
      complaint(["--config", "/nowhere"])?.contains("config: cannot open /nowhere: No such") == true
    )
    #expect(
      complaint(["--config", "/"])?.contains("config: cannot read /: Is a directory") == true)
    try withFile(String(repeating: "# \n", count: 400_000)) { (path: String) throws in
      #expect(complaint(["--config", path]) == "config: \(path) is over 1 MiB")
    }
    #expect(complaint(["--config", "/proc/self/exe"]) != nil)
    #expect(complaint(environment: ["SLIDING_STOCK_CONFIG": ""]) == nil)
  }
}

@Suite struct SecretTests {
  private let secret = "hunter2-hunter2"

  @Test func secretsComeFromEnvironmentFileAndFilesOfTheirOwn() throws {
    #expect(
      try settings(environment: ["SLIDING_STOCK_SOME_SECRET": secret]).text("some.secret") == secret
    )
    try withFile("some.secret = \(secret)\n") { (path: String) throws in
      #expect(try settings(["--config", path]).text("some.secret") == secret)
    }
    try withFile(secret + "\r\n\n") { (file: String) throws in
      #expect(
        try settings(environment: ["SLIDING_STOCK_SOME_SECRET_FILE": file]).text("some.secret")
          == secret)
      #expect(try settings(["--some-secret-file", file]).text("some.secret") == secret)
      try withFile("some.secret-file = \(file)\n") { (path: String) throws in
        #expect(try settings(["--config", path]).text("some.secret") == secret)
      }
    }
  }

  @Test func secretPropertiesHaveTheirFilesToo() throws {
    try withFile(secret + "\n") { (file: String) throws in
      let expected = ["sasl.password": secret]
      let variable = "SLIDING_STOCK_KAFKA_PROPERTY_SASL_PASSWORD"
      func properties(
        _ arguments: [String] = [], _ environment: [String: String] = [:]
      ) throws -> [String: String] {
        try settings(arguments, environment: environment).properties("kafka.property")
      }
      #expect(try properties([], [variable: secret]) == expected)
      #expect(try properties([], [variable + "_FILE": file]) == expected)
      #expect(try properties(["--kafka-property", "sasl.password-file=\(file)"]) == expected)
      try withFile("kafka.property.sasl.password-file = \(file)\n") { (path: String) throws in
        #expect(try properties(["--config", path]) == expected)
      }
    }
  }

  @Test(arguments: [
    "--some-secret", "--kafka-property=sasl.password", "--kafka-property=SASL.Password",
    "--kafka-property=ssl.key.pem", "--kafka-property=sasl.oauthbearer.client.secret",
  ])
  func theCommandLineIsNoPlaceForThem(_ option: String) throws {
    let text = try #require(complaint(["\(option)=\(secret)"]))
    #expect(text.contains("is a secret and not taken from arguments"))
    #expect(text.contains("_FILE"))
    #expect(!text.contains(secret))
  }

  @Test(arguments: [
    "host=h password=hunter2-hunter2", "postgresql://u:hunter2-hunter2@h/db",
    "postgresql://h/db?password=hunter2-hunter2", "postgres://u:hunter2-hunter2@h:1,i:2/db",
  ])
  func aConnectionStringWithAPasswordIsOneToo(_ connection: String) throws {
    let text = try #require(complaint(["--postgres-connection", connection], keys: ConfigKey.all))
    #expect(text.contains("postgres.password"))
    #expect(!text.contains("hunter2"))
    #expect(
      complaint(environment: ["SLIDING_STOCK_POSTGRES_CONNECTION": connection], keys: ConfigKey.all)
        == nil)
  }

  @Test(arguments: [
    "host=h user=u", "postgresql://u@h:5432/db?sslmode=require", "postgresql:///db",
  ])
  func aConnectionStringWithoutOneIsNone(_ connection: String) {
    #expect(complaint(["--postgres-connection", connection], keys: ConfigKey.all) == nil)
  }

  @Test func noErrorEverShowsOne() throws {
    let wrong = secret + "\u{0}"
    let variable = "SLIDING_STOCK_SOME_SECRET"
    try withFile(wrong) { (file: String) throws in
      try withFile("some.secret = \(wrong)\n") { (path: String) throws in
        let complaints = [
          complaint(environment: [variable: wrong]), complaint(["--config", path]),
          complaint(environment: [variable + "_FILE": file]),
          complaint(environment: [variable: secret, variable + "_FILE": file]),
          complaint(["--some-secret-file", file]),
          complaint(environment: ["SLIDING_STOCK_KAFKA_PROPERTY_SASL_PASSWORD": wrong]),
          complaint(environment: ["SLIDING_STOCK_KAFKA_PROPERTY_SASL_PASSWORD_FILE": file]),
        ]
        for text in complaints {
          let text = try #require(text)
          #expect(
            text.contains("secret") || text.contains("SECRET") || text.contains("sasl.password"))
          #expect(!text.contains("hunter2"))
        }
      }
    }
    try withFile("\n") { (file: String) throws in
      #expect(
        complaint(environment: [variable + "_FILE": file])
          == "some.secret (from \(variable)_FILE): \(file) is empty")
    }
    #expect(
      complaint(["--some-secret-file", "/nowhere"])?.hasPrefix(
        "some.secret (from the command line): cannot open /nowhere") == true)
  }

  /// `redis-password=…` without its dashes is a word that nothing expects, and a secret all the same.
  @Test func aWordThatWentAstrayShowsNothingBehindItsEqualsSign() {
    #expect(Configuration.shown("redis-password=hunter2=hunter2") == "redis-password=…")
    #expect(Configuration.shown("activity") == "activity")
  }
}
