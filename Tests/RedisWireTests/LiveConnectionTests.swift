import NIOConcurrencyHelpers
import NIOCore
import RedisStore
import TestServers
import Testing

@Suite(.timeLimit(.minutes(2))) struct LiveConnectionTests {
  @Test(arguments: [true, false])
  func tenThousandInOrder(overUnixSocket: Bool) async throws {
    let server = try await RedisServer.start()
    var limits = TestBed.quickLimits
    limits.pingInterval = .minutes(1)
    let url = overUnixSocket ? "redis+unix://\(server.unixSocket)" : server.url
    let bed = try await TestBed(url, limits: limits)
    try await bed.ready()
    try await bed.echo(0..<10_000, within: .seconds(20))
    #expect(try await bed.outcomes(10_000).checkedFailures(0..<10_000) == [])
    #expect(try await bed.run { $1.order } == Array(0..<10_000))
    let counters = try await bed.counters
    #expect(counters.commandsSent == 10_001, "with CLIENT SETNAME")
    #expect(counters.writes == 2)
    #expect(counters.replies == 10_001)
    #expect(counters.pending == 0)
    try await bed.close()
    try await server.kill9()
  }

  @Test func repliesOfEveryKind() async throws {
    let server = try await RedisServer.start()
    let bed = try await TestBed(server.url + "/3")
    try await bed.ready()
    #expect(try await bed.command("SET", "k", "12") == .status("OK"))
    #expect(try await bed.command("INCRBY", "k", 3).integer == 15)
    #expect(try await bed.command("GET", "none") == .nothing)
    #expect(try await bed.command("CLIENT", "GETNAME").string == "tollgate")
    #expect(try await bed.command("CLIENT", "INFO").string?.contains(" db=3 ") == true)
    #expect(
      try await bed.command("NONSENSE")
        == .error(
          RedisErrorReply(message: "ERR unknown command 'NONSENSE', with args beginning with: ")))
    #expect(
      try await bed.command(
        "EVAL", "return {1,{'a',{}},false,redis.status_reply('fine'),{err='MY error'}}", 0)
        == .array([
          .integer(1), .array([.bytes([97]), .array([])]), .nothing, .status("fine"),
          .error(RedisErrorReply(message: "MY error")),
        ]))
    let large = [UInt8](repeating: 7, count: 3_000_000)
    #expect(try await bed.command("SET", "large", .bytes(large)) == .status("OK"))
    #expect(try await bed.command("GET", "large") == .bytes(large))
    try await bed.close()
    try await server.kill9()
  }

  @Test func killedInMidFlight() async throws {
    let server = try await RedisServer.start()
    let bed = try await TestBed(server.url)
    try await bed.ready()
    let count = 20_000
    let sending = Task {
      for start in stride(from: 0, to: count, by: 100) {
        try await bed.echo(start..<start + 100, within: .seconds(20))
        try await Task.sleep(for: .milliseconds(1))
      }
    }
    try await Task.sleep(for: .milliseconds(60))
    try await server.kill9()
    try await sending.value
    let failures = try await bed.outcomes(count).checkedFailures(0..<count)
    #expect(!failures.isEmpty)
    #expect(failures.allSatisfy { $0 == .connectionLost || $0 == .notConnected })
    try await server.restart()
    try await bed.ready()
    try await bed.echo(count..<count + 10, within: .seconds(20))
    let outcomes = try await bed.outcomes(count + 10)
    #expect(outcomes.filter { $0.key >= count }.checkedFailures(count..<count + 10) == [])
    #expect(try await bed.counters.reconnects >= 1)
    try await bed.close()
    try await server.kill9()
  }

  @Test func stoppedForLessThanTheLivenessTimeout() async throws {
    let server = try await RedisServer.start()
    var limits = TestBed.quickLimits
    // So that the same connection has to sort late replies from new ones.
    limits.livenessTimeout = .seconds(30)
    let bed = try await TestBed(server.url, limits: limits)
    try await bed.ready()
    server.pause()
    let start = NIODeadline.now()
    try await bed.echo(0..<200, within: .milliseconds(150))
    var outcomes = try await bed.outcomes(200)
    let took = NIODeadline.now() - start
    #expect(took >= .milliseconds(140) && took < .seconds(4), "\(took)")
    #expect(outcomes.checkedFailures(0..<200) == Array(repeating: .timedOut, count: 200))
    #expect(try await bed.counters.isCircuitOpen)
    // From now on nothing is sent, and nothing waits.
    let pending = try await bed.counters.pending
    try await bed.echo(200..<300, within: .seconds(60))
    outcomes = try await bed.outcomes(300, within: .seconds(4))
    #expect(outcomes.filter { $0.key >= 200 }.checkedFailures(200..<300).allSatisfy { $0 == .circuitOpen })
    #expect(try await bed.counters.pending == pending)
    server.resume()
    try await bed.ready()
    try await bed.echo(300..<400, within: .seconds(20))
    outcomes = try await bed.outcomes(400)
    #expect(outcomes.count == 400 && outcomes.allSatisfy { $0.value.count == 1 })
    #expect(outcomes.filter { $0.key >= 300 }.checkedFailures(300..<400) == [])
    #expect(try await bed.counters.reconnects == 0)
    #expect(try await bed.counters.timeouts == 200)
    try await bed.close()
    try await server.kill9()
  }

  @Test func stoppedForLongerThanTheLivenessTimeout() async throws {
    let server = try await RedisServer.start()
    var limits = TestBed.quickLimits
    limits.connectTimeout = .seconds(1)
    let bed = try await TestBed(server.url, limits: limits)
    try await bed.ready()
    server.pause()
    try await bed.echo(0..<50, within: .milliseconds(150))
    _ = try await bed.outcomes(50)
    // The connection is given up after a second, and the next one's handshake isn't answered.
    try await Task.sleep(for: .milliseconds(2500))
    #expect(try await bed.counters.isCircuitOpen)
    try await bed.echo(50..<51, within: .seconds(20))
    #expect(try await bed.outcomes(51)[50] == [.failure(.circuitOpen)])
    server.resume()
    try await bed.ready()
    try await bed.echo(51..<100, within: .seconds(20))
    let outcomes = try await bed.outcomes(100)
    #expect(outcomes.filter { $0.key > 50 }.checkedFailures(51..<100) == [])
    #expect(outcomes.allSatisfy { $0.value.count == 1 })
    #expect(try await bed.counters.reconnects == 1)
    try await bed.close()
    try await server.kill9()
  }

  @Test func theHookRunsOnEachConnectionBeforeUsersCommands() async throws {
    let server = try await RedisServer.start()
    let generations = NIOLockedValueBox<[UInt64]>([])
    let one = LiveConnectionTests.library("return 1").function("f")
    let bed = try await TestBed(server.url) { handshake in
      generations.withLockedValue { $0.append(handshake.generation) }
      return handshake.load(one.library).flatMap { handshake.command(["SET", "hook", "ran"]) }.map { _ in }
    }
    try await bed.ready()
    #expect(try await bed.command("GET", "hook").string == "ran")
    #expect(try await bed.command("FCALL", .bytes(one.wireName), 0) == .integer(1))
    try await server.kill9()
    try await server.restart()
    #expect(try await eventually(within: .seconds(10)) { try await bed.counters.reconnects == 1 })
    #expect(try await bed.command("GET", "hook").string == "ran")
    #expect(try await bed.command("FCALL", .bytes(one.wireName), 0) == .integer(1))
    #expect(generations.withLockedValue { $0.count } == 2)
    try await bed.close()
    try await server.kill9()
  }

  @Test func aHookThatFailsKeepsUsersOut() async throws {
    let server = try await RedisServer.start()
    let attempts = NIOLockedValueBox(0)
    let broken = FunctionLibrary(text: Array("this is no Lua".utf8))
    let bed = try await TestBed(server.url) { handshake in
      let attempt = attempts.withLockedValue { count in
        count += 1
        return count
      }
      return attempt < 3 ? handshake.load(broken) : handshake.eventLoop.makeSucceededVoidFuture()
    }
    try await bed.echo(0..<1, within: .seconds(1))
    try await bed.ready()
    #expect(attempts.withLockedValue { $0 } == 3)
    #expect(try await bed.outcomes(1).checkedFailures(0..<1) == [.notConnected])
    try await bed.close()
    try await server.kill9()
  }

  /// One function, `f`.
  private static func library(_ body: String) -> FunctionLibrary {
    FunctionLibrary(
      text: Array("redis.register_function('f_' .. RELEASE, function(KEYS, ARGV) \(body) end)".utf8))
  }

  @Test func aLibraryThatRedisForgot() async throws {
    let server = try await RedisServer.start()
    let bed = try await TestBed(server.url)
    try await bed.ready()
    let add = LiveConnectionTests.library("return ARGV[1] + redis.call('INCR', KEYS[1])").function("f")
    for expected in 1...4 as ClosedRange<Int64> {
      if expected == 3 { #expect(try await bed.command("FUNCTION", "FLUSH") == .status("OK")) }
      let value = try await bed.future {
        $0.call(add, keys: ["counter"], arguments: [10], deadline: .now() + .seconds(5))
      }
      #expect(value == .integer(10 + expected), "and it never runs twice")
    }
    let broken = FunctionLibrary(text: Array("this is no Lua".utf8)).function("f")
    let value = try await bed.future {
      $0.call(broken, keys: [], arguments: [], deadline: .now() + .seconds(5))
    }
    guard case .error(let error) = value else {
      Issue.record("\(value)")
      return
    }
    #expect(error.message.contains("compil"))
    try await bed.close()
    try await server.kill9()
  }

  @Test func passwordsAndUsers() async throws {
    let server = try await RedisServer.start(options: ["--user", "gate", "on", ">p@ss/w", "~*", "+@all"])
    let port = server.port
    let right = try await TestBed("redis://gate:p%40ss%2Fw@127.0.0.1:\(port)")
    try await right.ready()
    #expect(try await right.command("ACL", "WHOAMI").string == "gate")
    let wrong = try await TestBed("redis://gate:wrong@127.0.0.1:\(port)")
    await #expect(throws: RedisFailure.notConnected) { try await wrong.ready(within: .milliseconds(400)) }
    try await right.close()
    try await wrong.close()
    try await server.kill9()
  }

  @Test func aNameWithSeveralAddresses() async throws {
    let server = try await RedisServer.start()
    let bed = try await TestBed("redis://localhost:\(server.port)")
    try await bed.ready()
    #expect(try await bed.command("PING") == .status("PONG"))
    try await bed.close()
    try await server.kill9()
  }

  @Test func anIdleConnectionStaysAndIsPinged() async throws {
    let server = try await RedisServer.start()
    var limits = TestBed.quickLimits
    limits.pingInterval = .milliseconds(20)
    limits.stallTime = .seconds(5)
    let bed = try await TestBed(server.url, limits: limits)
    try await bed.ready()
    #expect(try await eventually(within: .seconds(20)) { try await bed.counters.replies > 5 })
    #expect(try await bed.counters.commandsSent == 1)
    #expect(try await bed.command("PING") == .status("PONG"))
    #expect(try await bed.counters.reconnects == 0)
    try await bed.close()
    try await server.kill9()
  }
}
