import Testing

@testable import Configuration

@Suite struct PrecedenceTests {
  @Test func commandLineBeforeEnvironmentBeforeFileBeforeDefault() throws {
    #expect(try settings().int("number") == 1)
    try withFile("number = 2\n") { (path: String) throws in
      let environment = ["SLIDING_STOCK_NUMBER": "3"]
      let named = ["SLIDING_STOCK_CONFIG": path]
      #expect(try settings(["--config", path]).int("number") == 2)
      #expect(try settings(["--config=\(path)"]).int("number") == 2)
      #expect(try settings(environment: named).int("number") == 2)
      #expect(try settings(["--config", path], environment: environment).int("number") == 3)
      #expect(
        try settings(["--config", path, "--number", "4"], environment: environment).int("number")
          == 4)
      #expect(
        try settings(["--number=5", "--number=6"], environment: environment).int("number") == 6)
      // The file named on the command line, not the environment's.
      #expect(
        try settings(["--config", path], environment: ["SLIDING_STOCK_CONFIG": "/nowhere"])
          .int("number") == 2)
    }
  }

  @Test func everyKindHasItsValue() throws {
    let read = try settings([
      "first", "--text", "a=b c", "--flag", "--choice=green", "--worker-only=", "--", "--text",
      "-h",
    ])
    #expect(read.positionals == ["first", "--text", "-h"])
    #expect(read.text("text") == "a=b c")
    #expect(read.flag("flag"))
    #expect(read.text("choice") == "green")
    #expect(read.text("worker.only") == nil)
    #expect(read.text("some.secret") == nil)
    #expect(!read.wantsHelp)
    #expect(try settings(["--flag=false"]).flag("flag") == false)
    #expect(try settings(["--flag", "word"]).positionals == ["word"])
    #expect(try settings(["-"]).positionals == ["-"])
  }

  @Test func aFileHasCommentsSpacesAndEitherKindOfLineEnd() throws {
    let text = "# a comment\r\n\r\n  text =  a = b # no comment \r\nnumber=2\n\tflag = true\n"
    try withFile(text) { (path: String) throws in
      let read = try settings(["--config", path])
      #expect(read.text("text") == "a = b # no comment")
      #expect(read.int("number") == 2)
      #expect(read.flag("flag"))
    }
  }

  @Test func theOtherServicesKeysAreReadFromFileAndEnvironmentAndNoOptions() throws {
    try withFile("draw.only = 3\n") { (path: String) throws in
      #expect(try settings(["--config", path]).int("draw.only") == 3)
    }
    #expect(try settings(environment: ["SLIDING_STOCK_DRAW_ONLY": "4"]).int("draw.only") == 4)
    #expect(complaint(["--draw-only", "5"]) == "--draw-only is no option; --help lists them")
    #expect(complaint(environment: ["SLIDING_STOCK_DRAW_ONLY": "x"])?.contains("draw.only") == true)
  }

  @Test func propertiesComeAllThreeWays() throws {
    try withFile("kafka.property.sasl.username = file\nkafka.property.a.b = file\n") {
      (path: String) throws in
      let read = try settings(
        ["--config", path, "--kafka-property", "a.b=c=d", "--kafka-property=client.rack=r1"],
        environment: [
          "SLIDING_STOCK_KAFKA_PROPERTY_SASL_USERNAME": "environment",
          "SLIDING_STOCK_KAFKA_PROPERTY_SSL_CA_LOCATION": "/ca",
        ])
      #expect(
        read.properties("kafka.property") == [
          "sasl.username": "environment", "a.b": "c=d", "client.rack": "r1",
          "ssl.ca.location": "/ca",
        ])
    }
    #expect(try settings().properties("kafka.property") == [:])
  }

  @Test func commandsHaveOptionsOfTheirOwn() throws {
    let options = [ConfigKey("stock", .integer(1...9), scope: .command, "units")]
    #expect(try settings(["--stock", "3"], options: options).int("stock") == 3)
    let missing = try settings(options: options)
    let error = #expect(throws: ConfigError.self) { try missing.required("stock") }
    #expect(error?.description == "stock is missing: give --stock")
    #expect(
      complaint(environment: ["SLIDING_STOCK_STOCK": "3"], options: options)
        == "SLIDING_STOCK_STOCK is no setting (from the environment)")
    try withFile("stock = 3\n") { (path: String) throws in
      #expect(
        complaint(["--config", path], options: options)
          == "stock is an option of a command, no setting (from \(path):1)")
    }
    let empty = try settings(["--text="])
    let error2 = #expect(throws: ConfigError.self) { try empty.required("text") }
    #expect(error2?.description == "text is missing: give --text or SLIDING_STOCK_TEXT")
  }

  @Test func helpIsHelpWhateverElseIsWrong() throws {
    for arguments in [["--help"], ["-h"], ["run", "--nonsense", "--help"], ["--number=x", "-h"]] {
      #expect(try settings(arguments, environment: ["SLIDING_STOCK_NO": "1"]).wantsHelp)
    }
    #expect(try settings(["run", "--help"]).positionals == ["run"])
    #expect(try settings(["--", "--help"]).wantsHelp == false)
  }

  @Test func theProcesssOwnEnvironmentIsRead() {
    #expect(processEnvironment()["PATH"]?.isEmpty == false)
  }
}
