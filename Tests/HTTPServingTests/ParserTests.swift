import HTTPServing
import Testing

@Suite("Parser: requests that are accepted")
struct ParserTests {
  @Test func readsTheWholeRequest() throws {
    let outcome = ParserHarness.run(
      "POST /v1/check?a=1&b=?2 HTTP/1.1\r\nHost: gate.test:8080\r\nX-TLE-Token:\t tle_abc \t\r\n"
        + "Empty:\r\nContent-Length: 5\r\n\r\nhello")
    let request = try #require(outcome.requests.first)
    #expect(outcome.end == .needMore)
    #expect(request.method == "POST")
    #expect(request.path == "/v1/check")
    #expect(request.query == "a=1&b=?2")
    #expect(
      request.fields == ["host: gate.test:8080", "x-tle-token: tle_abc", "empty: ", "content-length: 5"])
    #expect(request.body == "hello")
    #expect(request.keepAlive)
  }

  @Test func decodesChunksInPlace() {
    let outcome = ParserHarness.run(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
        + "5\r\nhello\r\n1;name=\"value\"\r\n \r\n00A\r\n0123456789\r\n0\r\nTrailer: dropped\r\n\r\n"
        + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(outcome.requests.map(\.body) == ["hello 0123456789", ""])
    #expect(outcome.requests.map(\.path) == ["/", "/next"])
    #expect(outcome.requests[0].fields == ["host: a", "transfer-encoding: Chunked"])
  }

  @Test(
    arguments: [
      ("/", "/", nil), ("/a/b", "/a/b", nil), ("/?", "/", ""), ("/a?b?c", "/a", "b?c"),
      ("http://host/p?q", "/p", "q"), ("HTTPS://host:1/p", "/p", nil), ("http://host", "/", nil),
      ("http://host?q=http://x/y", "/", "q=http://x/y"), ("http://[::1]:80/x", "/x", nil),
      ("//double/slash", "//double/slash", nil), ("/%2e%2e/|{}", "/%2e%2e/|{}", nil),
    ] as [(String, String, String?)])
  func readsTargets(_ target: String, path: String, query: String?) {
    let outcome = ParserHarness.run("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(outcome.requests.map(\.path) == [path])
    #expect(outcome.requests.map(\.query) == [query])
  }

  @Test(arguments: ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PURGE", "get", "M-SEARCH"])
  func readsMethods(_ method: String) throws {
    var harness = ParserHarness()
    let known: [String: HTTPMethod] = [
      "GET": .get, "HEAD": .head, "POST": .post, "PUT": .put, "DELETE": .delete, "PATCH": .patch,
      "OPTIONS": .options,
    ]
    harness.feed(Array("\(method) / HTTP/1.1\r\nHost: a\r\n".utf8)[...])
    #expect(harness.inbound.head.method == known[method] ?? .other)
    harness.feed([13, 10])
    #expect(harness.outcome.requests.map(\.method) == [method])
  }

  @Test(arguments: [
    ("1.1", "", true), ("1.1", "close", false), ("1.1", "keep-alive", true),
    ("1.1", "x, CLOSE ,y", false), ("1.1", "closed", true), ("1.0", "", false),
    ("1.0", "Keep-Alive", true), ("1.0", "keep-alive, close", false), ("1.0", "close", false),
  ])
  func knowsWhenToKeepTheConnection(_ version: String, connection: String, keepAlive: Bool) {
    let field = connection.isEmpty ? "" : "Connection: \(connection)\r\n"
    let outcome = ParserHarness.run("GET / HTTP/\(version)\r\nHost: a\r\n\(field)\r\n")
    #expect(outcome.requests.map(\.keepAlive) == [keepAlive])
  }

  @Test func findsEachKnownHeaderAndItsRepetition() throws {
    for header in KnownHeader.allCases {
      let name = header.name.description
      let value = header == .contentLength ? "0" : header == .transferEncoding ? "chunked" : "v"
      for spelling in [name, name.uppercased()] {
        var harness = ParserHarness()
        harness.feed(Array("GET / HTTP/1.1\r\nX: y\r\n\(spelling): \(value)\r\n".utf8)[...])
        for other in KnownHeader.allCases {
          let found = harness.inbound.head.value(of: other)
          #expect((found != nil) == (other == header), "\(other) in \(name)")
          if let found { #expect(harness.text(found) == value) }
        }
        #expect(!harness.inbound.head.isRepeated(header))
        guard ![.host, .contentLength, .transferEncoding].contains(header) else { continue }
        harness.feed(Array("\(spelling): other\r\n".utf8)[...])
        #expect(harness.inbound.head.isRepeated(header))
        #expect(harness.text(try #require(harness.inbound.head.value(of: header))) == value)
      }
      var harness = ParserHarness()
      harness.feed(Array("GET / HTTP/1.1\r\n\(name.dropLast())_: \(value)\r\n".utf8)[...])
      #expect(KnownHeader.allCases.allSatisfy { harness.inbound.head.value(of: $0) == nil })
    }
  }

  @Test func forgivesOneEmptyLineBeforeARequest() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    #expect(ParserHarness.run("\r\n\(request)\r\n\(request)").requests.count == 2)
    #expect(ParserHarness.run("\r\n\r\n\(request)").status == 400)
  }

  @Test func keepsPipelinedRequestsApart() {
    let text = (0..<500).map { "POST /\($0) HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok" }.joined()
    let outcome = ParserHarness.run(text)
    #expect(outcome.requests.map(\.path) == (0..<500).map { "/\($0)" })
    #expect(outcome.requests.allSatisfy { $0.body == "ok" })
  }

  @Test func everySplitGivesTheSameResult() {
    let text =
      "\r\nPOST /a?b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nX: \u{e9}\r\n\r\n"
      + "5;x=y\r\nhello\r\n3\r\nabc\r\n0\r\nT: u\r\n\r\n"
      + "PUT http://h/c HTTP/1.0\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nxyz"
      + "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"
    let bytes = Array(text.utf8)
    let whole = ParserHarness.run(bytes)
    #expect(whole.requests.count == 2)
    #expect(whole.status == 400)
    for cut in 0...bytes.count {
      #expect(ParserHarness.run(bytes, cuts: [cut]) == whole)
      for second in stride(from: cut, through: bytes.count, by: 7) {
        #expect(ParserHarness.run(bytes, cuts: [cut, second]) == whole)
      }
    }
    #expect(ParserHarness.run(bytes, cuts: Array(0..<bytes.count)) == whole)
  }
}
