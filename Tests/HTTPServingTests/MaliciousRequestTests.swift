import HTTPServing
import NIOCore
import Testing

/// Bytes that must be refused, and with which status, however they are cut.
@Suite("Parser: requests that are refused")
struct MaliciousRequestTests {
  static func get(_ fields: String) -> String { "GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n" }
  static func chunked(_ body: String) -> String {
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(body)"
  }

  static let badRequestLines: [String] = [
    "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET  / HTTP/1.1\r\n", "GET /  HTTP/1.1\r\n", " GET / HTTP/1.1\r\n", "GET / HTTP/1.1 \r\n",
    "GET\t/ HTTP/1.1\r\n", "GET / http/1.1\r\n", "GET / HTTP/1\r\n", "GET / HTTP/1.10\r\n",
    "GET / HTTP/11\r\n", "GET / \r\n", "GET /\r\n", "GET\r\n", "G@T / HTTP/1.1\r\n", "GE\0T / HTTP/1.1\r\n",
    "/ HTTP/1.1\r\n", "GET /a b HTTP/1.1\r\n", "GET /a\u{7f} HTTP/1.1\r\n", "GET /a\u{e9} HTTP/1.1\r\n",
    "GET /a\0 HTTP/1.1\r\n", "GET /a#b HTTP/1.1\r\n", "GET a HTTP/1.1\r\n", "GET * HTTP/1.1\r\n",
    "GET ?q HTTP/1.1\r\n", "CONNECT host:443 HTTP/1.1\r\n", "GET http:///x HTTP/1.1\r\n",
    "GET http:// HTTP/1.1\r\n", "GET http://u@host/ HTTP/1.1\r\n", "GET ftp://host/ HTTP/1.1\r\n",
    "GET / HTTP/1.1\rX\r\n", "GET / HTTP/1.1\r\r\n", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\n",
  ]

  static let badFields: [String] =
    [
      "", "Host: a\r\nHost: a\r\n", "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host: a/b\r\n",
      "Host: u@a\r\n", "Host: a, b\r\n\t\r\n",
    ].map { "GET / HTTP/1.1\r\n\($0)\r\n" }
    + [
      "X : y\r\n", " X: y\r\n", "X: y\r\n folded\r\n", "X: y\r\n\tfolded\r\n", "X\r\n", ": y\r\n",
      "X y: z\r\n",
      "X\0: y\r\n", "X: \0\r\n", "X: a\u{1}b\r\n", "X: a\u{7f}\r\n", "X: a\rb\r\n", "X: a\r\r\n", "X: a\n",
      "X(: y\r\n", "X\u{e9}: y\r\n", "\"X\": y\r\n", "Content-Length: \r\n", "Content-Length: +1\r\n",
      "Content-Length: -1\r\n", "Content-Length: 1 1\r\n", "Content-Length: 0x1\r\n",
      "Content-Length: 1,1\r\n", "Content-Length: 1\r\nContent-Length: 2\r\n",
      "Content-Length: 1\r\nContent-Length: 1\r\n", "Content-Length: 1.0\r\n", "Content-Length: \u{661}\r\n",
      "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
      "Transfer-Encoding: gzip\r\nContent-Length: 1\r\n", "Transfer-Encoding : chunked\r\n",
      "Transfer-Encoding\t: chunked\r\n",
    ].map(get)

  static let badChunks: [String] = [
    "\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x1\r\nx\r\n", " 1\r\nx\r\n", "1 \r\nx\r\n", "1\nx\r\n", "1\r\nxyz",
    "1\r\nx\n\n", "1\r\nx\r\r", "00000000000000001\r\nx\r\n", "1;a\u{0}\r\nx\r\n", "1;a\n", "1 ;a\r\nx\r\n",
    "0\r\nX\r\n\r\n", "0\r\n X: y\r\n\r\n", "0\r\nX: \0\r\n\r\n", "0\r\nX: y\n\r\n",
    "1;" + String(repeating: "a", count: 5_000),
    String(repeating: "1;" + String(repeating: "a", count: 100) + "\r\nx\r\n", count: 50),
  ].map(chunked)

  @Test(arguments: badRequestLines + badFields + badChunks)
  func badRequest(_ text: String) {
    expect(text, is: 400)
  }

  @Test(arguments: ["2.0", "1.2", "0.9", "3.0", "1.9", "0.0"])
  func otherVersions(_ version: String) {
    expect("GET / HTTP/\(version)\r\nHost: a\r\n\r\n", is: 505)
  }

  @Test(arguments: [
    "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "identity", "", "xchunked", "chunked;a=b",
    "chunked\r\nTransfer-Encoding: chunked", "\"chunked\"", "chunked,",
  ])
  func otherTransferCodings(_ coding: String) {
    expect(Self.get("Transfer-Encoding: \(coding)\r\n"), is: 501)
  }

  @Test func chunkedInHTTP10() {
    expect("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", is: 400)
  }

  @Test func headOfExactlyTheLimitAndOneMore() {
    let limits = HTTPLimits(headBytesMax: 256)
    let frame = Self.get("X: \r\n")
    let fits = Self.get("X: \(String(repeating: "y", count: 256 - frame.utf8.count))\r\n")
    #expect(fits.utf8.count == 256)
    #expect(ParserHarness.run(fits, limits: limits).requests.count == 1)
    let over = Self.get("X: \(String(repeating: "y", count: 257 - frame.utf8.count))\r\n")
    expect(over, is: 431, limits: limits)
    expect(String(repeating: "A", count: 300), is: 431, limits: limits)
    #expect(ParserHarness.run(String(repeating: "A", count: 255), limits: limits).end == .needMore)
  }

  @Test func oneHeaderTooMany() {
    let fields = String(repeating: "a: b\r\n", count: 99)
    #expect(ParserHarness.run(Self.get(fields)).requests.count == 1)
    expect(Self.get(fields + "a: b\r\n"), is: 431)
  }

  @Test func trailersPastTheirLimit() {
    let trailers = String(repeating: "a: b\r\n", count: 700)
    expect(Self.chunked("0\r\n\(trailers)\r\n"), is: 431)
    expect(Self.chunked("0\r\n" + String(repeating: "a", count: 4_096)), is: 431)
  }

  @Test(arguments: [
    get("Content-Length: 11\r\n"), get("Content-Length: 99999999999999999999999999\r\n"),
    get("Content-Length: 18446744073709551617\r\n"), chunked("b\r\n"), chunked("ffffffffffffffff\r\n"),
    chunked("8000000000000000\r\n"), chunked("6\r\nabcdef\r\n5\r\n"),
  ])
  func bodyTooLarge(_ text: String) {
    expect(text, is: 413, bodyBytesMax: 10)
  }

  @Test func bodyOfExactlyTheLimit() {
    let fixed = Self.get("Content-Length: 10\r\n") + "0123456789"
    #expect(ParserHarness.run(fixed, bodyBytesMax: 10).requests.map(\.body) == ["0123456789"])
    let chunks = Self.chunked("5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n")
    #expect(ParserHarness.run(chunks, bodyBytesMax: 10).requests.map(\.body) == ["0123456789"])
    expect(Self.get("Content-Length: 1\r\n"), is: 413, bodyBytesMax: 0)
  }

  @Test func framingOfManySmallChunksTakesNoRoom() {
    var harness = ParserHarness(bodyBytesMax: 20_000)
    harness.feed(Array(Self.chunked("").utf8)[...])
    for _ in 0..<20_000 { harness.feed(Array("1\r\nx\r\n".utf8)[...]) }
    #expect(harness.inbound.bytes.writerIndex < 20_100)
    harness.feed(Array("0\r\n\r\n".utf8)[...])
    #expect(harness.outcome.requests.first?.body.utf8.count == 20_000)
  }

  private func expect(
    _ text: String, is status: Int, limits: HTTPLimits = HTTPLimits(), bodyBytesMax: Int = 65_536,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let bytes = Array(text.utf8)
    let whole = ParserHarness.run(bytes, limits: limits, bodyBytesMax: bodyBytesMax)
    #expect(whole.status == status, "\(whole)", sourceLocation: sourceLocation)
    #expect(whole.requests.isEmpty, sourceLocation: sourceLocation)
    let dripped = ParserHarness.run(
      bytes, cuts: Array(0..<bytes.count), limits: limits, bodyBytesMax: bodyBytesMax)
    #expect(dripped == whole, sourceLocation: sourceLocation)
  }
}
