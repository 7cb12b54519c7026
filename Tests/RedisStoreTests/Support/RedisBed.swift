import Logging
import NIOCore
import NIOPosix
import Testing

@testable import RedisStore

/// A connection for tests: whole batches of commands in one write.
struct RedisBed: Sendable {
  let loop: any EventLoop
  private let connection: NIOLoopBound<RedisConnection>

  init(_ url: String) async throws {
    var limits = ConnectionLimits()
    limits.connectTimeout = .seconds(10)
    // The machine that runs the tests may be busy.
    limits.stallTime = .seconds(60)
    limits.livenessTimeout = .seconds(60)
    limits.pingInterval = .seconds(60)
    let configuration = try RedisConnectionConfiguration(url: RedisURL(url), limits: limits)
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    self.loop = loop
    connection = try await loop.submit {
      NIOLoopBound(
        RedisConnection(
          eventLoop: loop, configuration: configuration,
          logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }),
        eventLoop: loop)
    }.get()
    let connection = connection
    try await loop.flatSubmit { connection.value.whenReady(deadline: .now() + .seconds(20)) }.get()
  }

  /// At most some thousands at a time.
  func pipeline(_ commands: [[RedisArgument]]) async throws -> [RedisValue] {
    let connection = connection
    let loop = loop
    return try await loop.flatSubmit {
      EventLoopFuture.whenAllSucceed(
        commands.map { connection.value.command($0, deadline: .now() + .seconds(60)) }, on: loop)
    }.get()
  }

  @discardableResult
  func command(_ arguments: RedisArgument...) async throws -> RedisValue { try await run(arguments) }

  @discardableResult
  func run(_ arguments: [RedisArgument]) async throws -> RedisValue {
    try await pipeline([arguments])[0]
  }

  func load(_ library: FunctionLibrary) async throws {
    #expect(library.refusal(in: try await run(library.loadCommand)) == nil)
  }

  func close() async throws {
    let connection = connection
    try await loop.submit { connection.value.close() }.get()
  }
}

extension RedisValue {
  var bytes: [UInt8] { if case .bytes(let bytes) = self { bytes } else { [] } }
}
