import NIOCore
import RedisStore
import Testing

@Suite(.timeLimit(.minutes(1))) struct HostileServerTests {
  @Test(
    arguments: [
      ("garbage", "HTTP/1.1 400 Bad Request\r\n\r\n", .protocolError),
      ("binary", "\u{0}\u{1}\u{2}\u{3}", .protocolError),
      ("one reply too many", "$1\r\n0\r\n$1\r\n1\r\n$1\r\n2\r\n+more\r\n", .protocolError),
      ("nested too deep", String(repeating: "*1\r\n", count: 20), .protocolError),
      ("more elements than any reply has", "*2000000000\r\n", .protocolError),
      ("two billion by two billion", "*1000000\r\n*1000000\r\n", .protocolError),
      ("closed instead of an answer", "", .connectionLost),
    ] as [(String, String, RedisFailure)])
  func everyRequestFailsOnce(name: String, answer: String, failure: RedisFailure) async throws {
    let server = try await FakeServer(answer: Array(answer.utf8))
    let bed = try await TestBed(server.url)
    try await bed.echoWhenReady(0..<3, within: .seconds(20))
    let failures = try await bed.outcomes(3).checkedFailures(0..<3)
    #expect(failures.allSatisfy { $0 == failure }, "\(name): \(failures)")
    // One reply too many comes after all three were answered.
    #expect(failures.count == (name == "one reply too many" ? 0 : 3))
    #expect(try await eventually(within: .seconds(20)) { try await bed.counters.reconnects > 0 })
    try await bed.close()
    try await server.close()
  }

  @Test func aReplyPastTheSizeLimitClosesTheConnection() async throws {
    var limits = TestBed.quickLimits
    limits.replyBytesMax = 64 * 1024
    let answer = Array("$9999999\r\n".utf8) + Array(repeating: 120, count: 200_000)
    let server = try await FakeServer(answer: answer)
    let bed = try await TestBed(server.url, limits: limits)
    try await bed.echoWhenReady(0..<2, within: .seconds(20))
    #expect(try await bed.outcomes(2).checkedFailures(0..<2) == [.protocolError, .protocolError])
    try await bed.close()
    try await server.close()
  }

  @Test func aServerThatSaysNothingIsNeverReady() async throws {
    let server = try await FakeServer(answer: nil)
    var limits = TestBed.quickLimits
    limits.connectTimeout = .milliseconds(500)
    let bed = try await TestBed(server.url, limits: limits)
    try await bed.echo(0..<1, within: .seconds(1))
    let failures = try await bed.outcomes(1).checkedFailures(0..<1)
    // On a busy machine the first attempt may have timed out by now.
    #expect(failures == [.notConnected] || failures == [.circuitOpen])
    await #expect(throws: RedisFailure.circuitOpen) { try await bed.ready(within: .milliseconds(900)) }
    try await bed.close()
    try await server.close()
  }

  @Test func nobodyListens() async throws {
    let bed = try await TestBed("redis+unix:///nowhere/redis.sock")
    await #expect(throws: RedisFailure.notConnected) { try await bed.ready(within: .milliseconds(300)) }
    try await bed.close()
    await #expect(throws: RedisFailure.notConnected) { try await bed.ready() }
  }
}
