import TestServers
import Testing

@Suite struct RedisServerTests {
  @Test func startsStopsAndKeepsItsDirectory() async throws {
    let server = try await RedisServer.start(options: ["--appendonly", "yes", "--appendfsync", "always"])
    #expect(try await server.cli("SET", "a", "1") == 0)
    try await server.kill9()
    #expect(try await server.cli("GET", "a") != 0)
    try await server.restart()
    let script = "return redis.call('GET', 'a') == '1' and 1 or {err='no'}"
    #expect(try await server.cli("EVAL", script, "0") == 0)
    server.pause()
    server.resume()
    #expect(try await server.cli("PING") == 0)
    try await server.stop()
  }
}
