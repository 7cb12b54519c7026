import Gate
import Logging
import NIOCore
import NIOPosix
import RedisStore
import TestServers
import Testing

@Suite(.timeLimit(.minutes(1))) struct RedisClientTests {
  private func client(_ url: String) async throws -> RedisClient {
    let group = MultiThreadedEventLoopGroup.singleton
    return try await RedisClient(
      eventLoops: [group.next(), group.next()],
      configuration: RedisConnectionConfiguration(url: RedisURL(url), limits: TestBed.quickLimits),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private var later: NIODeadline { .now() + .seconds(5) }

  @Test func manyTasksAtOnce() async throws {
    let server = try await RedisServer.start()
    let client = try await client(server.url)
    try await client.waitUntilReady(deadline: later)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<500 as Range<Int64> {
        group.addTask {
          let value = try await client.command(["ECHO", .integer(number)], deadline: .now() + .seconds(5))
          #expect(value.integer == number)
        }
      }
      try await group.waitForAll()
    }
    #expect(await client.counters().commandsSent == 502)
    await client.close()
    await #expect(throws: StoreError.unavailable("Redis: not connected")) {
      try await client.command(["PING"])
    }
    try await server.kill9()
  }

  @Test func errorsAreTheStores() async throws {
    let server = try await RedisServer.start()
    let client = try await client(server.url)
    await #expect(throws: StoreError.internalError("Redis: ERR value is not an integer or out of range")) {
      try await client.command(["DECRBY", "k", "x"], deadline: later)
    }
    let group: [RedisArgument] = ["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"]
    #expect(try await client.reply(to: group, deadline: later) == .status("OK"))
    guard case .error(let error) = try await client.reply(to: group, deadline: later) else {
      Issue.record("no error")
      return
    }
    #expect(error.code == "BUSYGROUP")
    _ = try await client.command(["CONFIG", "SET", "maxmemory", 1], deadline: later)
    let full = await #expect(throws: StoreError.self) {
      try await client.command(["SET", "k", "v"], deadline: later)
    }
    guard case .unavailable(let text) = full else {
      Issue.record("\(full.debugDescription)")
      return
    }
    #expect(text.hasPrefix("Redis: OOM"))
    await client.close()
    try await server.kill9()
  }

  @Test func aCallWaitsForTheConnectionUntilItsDeadline() async throws {
    let server = try await RedisServer.start()
    let client = try await client(server.url)
    // Sent before there is a connection.
    #expect(try await client.command(["PING"], deadline: later) == .status("PONG"))
    try await server.kill9()
    // Once on each connection, so that both know.
    for _ in 0..<2 { await #expect(throws: StoreError.self) { try await client.command(["PING"]) } }
    async let answer = client.command(["PING"], deadline: .now() + .seconds(10))
    try await server.restart()
    #expect(try await answer == .status("PONG"))
    await client.close()
    try await server.kill9()
  }

  @Test func aBlockingCommandHasItsOwnConnection() async throws {
    let server = try await RedisServer.start()
    let client = try await client(server.url)
    let dedicated = try await client.makeDedicatedConnection()
    _ = try await client.command(["XGROUP", "CREATE", "s", "g", "0", "MKSTREAM"], deadline: later)
    async let read = dedicated.command(
      ["XREADGROUP", "GROUP", "g", "me", "BLOCK", 3000, "STREAMS", "s", ">"], deadline: .now() + .seconds(8))
    // Past the ping interval and the stall time: neither takes a blocking read for a dead server.
    try await Task.sleep(for: .milliseconds(1500))
    #expect(try await client.command(["PING"], deadline: later) == .status("PONG"))
    _ = try await client.command(["XADD", "s", "1-1", "f", "v"], deadline: later)
    let entry = RedisValue.array([.bytes(Array("1-1".utf8)), .array([.bytes([102]), .bytes([118])])])
    #expect(try await read == .array([.array([.bytes([115]), .array([entry])])]))
    // Closing ends a blocking read.
    let interrupted = Task {
      try await dedicated.command(
        ["XREADGROUP", "GROUP", "g", "me", "BLOCK", 9000, "STREAMS", "s", ">"],
        deadline: .now() + .seconds(20))
    }
    try await Task.sleep(for: .milliseconds(100))
    await dedicated.close()
    await #expect(throws: StoreError.self) { try await interrupted.value }
    await client.close()
    try await server.kill9()
  }
}
