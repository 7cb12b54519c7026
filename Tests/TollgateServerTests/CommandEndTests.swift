import Gate
import Settings
import Testing
import TollgateServer

@Suite struct CommandEndTests {
  @Test(arguments: [(0, 0), (64, 2), (1, 1), (70, 1)] as [(Int32, Int32)])
  func statusesAreTheContracts(parser: Int32, ours: Int32) {
    #expect(CommandEnd.status(ofParser: parser) == ours)
  }

  @Test(arguments: [
    (StoreError.unavailable("Redis: not connected"), "tollgate: Redis: not connected"),
    (.notFound("user `u_1`"), "tollgate: there is no such user `u_1`"),
    (.conflict("it exists already"), "tollgate: it exists already"),
    (.invalid(field: "cursor", message: "is not a cursor"), "tollgate: `cursor` is not a cursor"),
    (.invalid(field: "", message: "is too long"), "tollgate: is too long"),
  ])
  func failuresAreOneLineWithoutNamesOfTypes(error: StoreError, line: String) {
    #expect(CommandEnd.line(error) == line)
  }

  @Test func whatAServerSaysOverSeveralLinesIsOne() {
    let error = StoreError.unavailable("connection refused\n\tIs the server running?\u{1B}[2J\n")
    #expect(CommandEnd.line(error) == "tollgate: connection refused Is the server running??[2J")
  }

  @Test func argumentsFollowTheRulesOfTheAPI() throws {
    #expect(try ArgumentText.tokens("999999999999999") == Limits.tokensMax)
    #expect(try ArgumentText.overlap("0") == 0)
    #expect(try ArgumentText.overlap("7d") == 604_800)
    #expect(try ArgumentText.expiry("2999-01-01T00:00:00Z") == Instant(rfc3339: "2999-01-01T00:00:00Z"))
    #expect(try ArgumentText.expiry("1h") > Clock.now())
    for text in ["0", "+5", "1.5", "1000000000000000", "many", ""] {
      #expect(throws: (any Error).self) { try ArgumentText.tokens(text) }
    }
    for text in ["31d", "-1h", "1w", ""] {
      #expect(throws: (any Error).self) { try ArgumentText.overlap(text) }
    }
    #expect(throws: (any Error).self) { try ArgumentText.expiry("2020-01-01T00:00:00Z") }
    #expect(throws: (any Error).self) { try ArgumentText.email("x") }
    #expect(throws: (any Error).self) { try ArgumentText.identifier("two words") }
    #expect(throws: (any Error).self) { try ArgumentText.limit("201") }
    #expect(throws: (any Error).self) { try ArgumentText.url("nonsense") }
  }

  @Test func aFixtureGoesToTheFirstAddressThatCanBeReached() {
    #expect(
      WebhookFixture.url([.tcp(host: "0.0.0.0", port: 0), .tcp(host: "0.0.0.0", port: 8080)])
        == "http://127.0.0.1:8080/webhooks/stripe")
    #expect(WebhookFixture.url([.tcp(host: "::", port: 80)]) == "http://[::1]:80/webhooks/stripe")
    #expect(
      WebhookFixture.url([.unix(path: "/run/gate.sock")])
        == "http+unix://%2Frun%2Fgate%2Esock/webhooks/stripe")
    #expect(WebhookFixture.url([]) == nil)
  }
}
