import HTTPServing
import NIOCore
import Testing

extension SocketTests {
  @Suite("Server: graceful shutdown")
  struct ShutdownTests {
    @Test func requestsInFlightAreAnsweredAndIdleConnectionsClose() async throws {
      try await TestServer.run(threads: 1) { server in
        let idle = try await server.connect()
        try await idle.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await idle.response().status == 200)
        let busy = try await server.connect()
        try await busy.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        await server.events.wait(for: "/hold")
        let partial = try await server.connect()
        try await partial.send("POST /release HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
        await server.events.wait(for: "head /release")

        async let stopped: Void = server.server.shutdownGracefully(deadlineSeconds: 60)
        // That idle connections close shows that draining has begun.
        #expect(try await idle.rest().isEmpty)
        try await partial.send("ok")
        let released = try await partial.response()
        #expect(released.body == "[true]")
        #expect(released.saysClose)
        let answered = try await busy.response()
        #expect(answered.body == "released true")
        #expect(answered.saysClose)
        #expect(try await busy.rest().isEmpty)
        #expect(try await partial.rest().isEmpty)
        await stopped
        #expect(server.server.counters.connectionsOpen == 0)
        await #expect(throws: (any Error).self) { try await server.connect() }
      }
    }

    @Test func whatIsLeftAtTheDeadlineIsCut() async throws {
      try await TestServer.run { server in
        let busy = try await server.connect()
        try await busy.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        await server.events.wait(for: "/hold")
        let stuck = try await server.connect()
        try await stuck.send("GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n")
        await server.events.wait(for: "task")
        await server.server.shutdownGracefully(deadlineSeconds: 0.05)
        #expect(try await busy.rest().isEmpty)
        #expect(try await stuck.rest().isEmpty)
        await server.events.wait(for: "cancelled")
        #expect(server.server.counters.connectionsOpen == 0)
      }
    }

    @Test func stoppingTwiceIsFine() async throws {
      try await TestServer.run(threads: 2) { server in
        async let first: Void = server.server.shutdownGracefully(deadlineSeconds: 1)
        async let second: Void = server.server.shutdownGracefully(deadlineSeconds: 1)
        _ = await (first, second)
      }
    }

    @Test func aPortThatIsTakenFailsTheStart() async throws {
      try await TestServer.run { server in
        let port = try #require(server.addresses[0].port)
        await #expect(throws: (any Error).self) {
          try await TestServer.run(on: [
            .tcp(host: "127.0.0.1", port: 0), .tcp(host: "127.0.0.1", port: port),
          ]) { _ in }
        }
      }
    }

    @Test(
      arguments: [
        ("127.0.0.1:8080", .tcp(host: "127.0.0.1", port: 8080)),
        ("localhost:0", .tcp(host: "localhost", port: 0)),
        ("[::1]:80", .tcp(host: "::1", port: 80)), ("unix:/run/t.sock", .unix(path: "/run/t.sock")),
        ("unix:t.sock", nil), ("::1:80", nil), ("host", nil), (":80", nil), ("host:65536", nil),
        ("host:x", nil),
      ] as [(String, HTTPBindAddress?)])
    func addressesAsText(_ text: String, address: HTTPBindAddress?) {
      #expect(HTTPBindAddress(text) == address)
    }
  }
}
