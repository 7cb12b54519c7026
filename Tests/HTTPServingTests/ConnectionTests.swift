import HTTPServing
import NIOCore
import Testing

extension SocketTests {
  @Suite("Connection: requests and responses")
  struct ConnectionTests {
    static func get(_ path: String, _ fields: String = "") -> String {
      "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
    }

    @Test func answersPipelinedRequestsInOrder() async throws {
      try await TestServer.run { server in
        let client = try await server.connect()
        try await client.send(Self.get("/1") + Self.get("/async") + Self.get("/2") + Self.get("/3"))
        #expect(try await client.response().body == "/1|")
        #expect(try await client.response().status == 201)
        #expect(try await client.response().body == "/2|")
        #expect(try await client.response().body == "/3|")
      }
    }

    @Test func aSlowFirstResponseHoldsBackTheOthers() async throws {
      try await TestServer.run { server in
        let client = try await server.connect()
        try await client.send(Self.get("/hold") + Self.get("/after"))
        await server.events.wait(for: "/hold")
        // More bytes arrive while the request is in flight and must not overwrite it.
        try await client.send("POST /later HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
        #expect(try await server.get("/release").body == "[true]")
        #expect(try await client.response().body == "released true")
        #expect(try await client.response().body == "/after|")
        #expect(try await client.response().body == "/later|hi")
      }
    }

    @Test func thousandsOfPipelinedRequestsNeedNoStackAndNoUnboundedBuffer() async throws {
      try await TestServer.run {
        $0.pipelinedBytesMax = 1_024
        $0.outboundBytesMax = 1_024
      } _: { server in
        let client = try await server.connect()
        let count = 20_000
        client.offer((0..<count).map { Self.get("/\($0)") }.joined())
        client.offer(Self.get("/hold") + Self.get("/async"))
        for index in 0..<count {
          let body = try await client.response().body
          guard body == "/\(index)|" else {
            Issue.record("\(index): \(body)")
            break
          }
        }
        #expect(try await server.get("/release").body == "[true]")
        #expect(try await client.response().body == "released true")
        #expect(try await client.response().status == 201)
      }
    }

    @Test func readingStopsBehindARequestInFlight() async throws {
      try await TestServer.run {
        $0.pipelinedBytesMax = 1_000
      } _: { server in
        let client = try await server.connect()
        try await client.send(Self.get("/hold"))
        await server.events.wait(for: "/hold")
        let count = 40_000
        client.offer((0..<count).map { Self.get("/\($0)") }.joined())
        #expect(try await server.get("/release").body == "[true]")
        #expect(try await client.response().body == "released true")
        for index in 0..<count where try await client.response().body != "/\(index)|" {
          Issue.record("\(index)")
          break
        }
      }
    }

    @Test func chunkedBodiesInSmallPieces() async throws {
      try await TestServer.run { server in
        let client = try await server.connect()
        let text =
          "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
          + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        for byte in text.utf8 { try await client.send(String(UnicodeScalar(byte))) }
        #expect(try await client.response().body == "/x|abcde")
      }
    }

    @Test func aBodyOfAMegabyte() async throws {
      try await TestServer.run { server in
        let client = try await server.connect()
        let body = String(repeating: "0123456789abcdef", count: 65_536)
        for _ in 0..<2 {
          client.offer("POST /large HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
          #expect(try await client.response().body == "/large|\(body)")
        }
      }
    }

    @Test func headHasNoBody() async throws {
      try await TestServer.run { server in
        let client = try await server.connect()
        try await client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n" + Self.get("/y"))
        let response = try await client.response(toHead: true)
        #expect(response.headers == ["content-length: 3"])
        #expect(try await client.response().body == "/y|")
      }
    }

    @Test func responsesCannotBeInjectedInto() async throws {
      try await TestServer.run { server in
        let client = try await server.connect()
        try await client.send(Self.get("/inject") + Self.get("/async"))
        #expect(
          try await client.response() == TestResponse(status: 500, headers: ["content-length: 0"], body: ""))
        let response = try await client.response()
        #expect(response.headers == ["x-path: /async", "x-remote: 127.0.0.1", "content-length: 0"])
      }
    }

    @Test(arguments: [
      ("GET /x HTTP/1.1\r\nHost: a\r\n\r\n", false, []),
      ("GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", true, ["connection: close"]),
      ("GET /x HTTP/1.0\r\n\r\n", true, ["connection: close"]),
      ("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false, ["connection: keep-alive"]),
      ("GET /last HTTP/1.1\r\nHost: a\r\n\r\n", true, ["connection: close"]),
    ])
    func closesWhenSaid(_ request: String, closes: Bool, headers: [String]) async throws {
      try await TestServer.run { server in
        let client = try await server.connect()
        try await client.send(request)
        let response = try await client.response()
        #expect(response.headers.filter { $0.hasPrefix("connection") } == headers)
        if closes {
          #expect(try await client.rest().isEmpty)
        } else {
          try await client.send(request)
          #expect(try await client.response() == response)
        }
      }
    }

    @Test func nothingAfterTheLastRequestIsHandled() async throws {
      try await TestServer.run { server in
        let client = try await server.connect()
        client.offer(Self.get("/1", "Connection: close\r\n") + Self.get("/2"))
        #expect(try await client.response().saysClose)
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test func aHalfClosedClientGetsItsAnswers() async throws {
      try await TestServer.run { server in
        let client = try await server.connect()
        try await client.send(Self.get("/1") + Self.get("/hold") + Self.get("/2") + "GET /part")
        try await client.closeOutput()
        await server.events.wait(for: "/hold")
        _ = try await server.get("/release")
        #expect(try await client.response().body == "/1|")
        #expect(try await client.response().body == "released true")
        #expect(try await client.response().body == "/2|")
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test func unixSocketsAndStaleFiles() async throws {
      let path = "/tmp/tollgate-http-\(UInt64.random(in: 0...UInt64.max)).sock"
      let address = HTTPBindAddress.unix(path: path)
      try await TestServer.run(on: [address, .tcp(host: "::1", port: 0)], threads: 2) { server in
        for index in 0...1 {
          let client = try await server.connect(index)
          try await client.send(Self.get("/x"))
          #expect(try await client.response().body == "/x|")
        }
        // Somebody serves it, so a second server must not take it away.
        await #expect(throws: IOError.self) { try await TestServer.run(on: [address]) { _ in } }
        let client = try await server.connect()
        try await client.send(Self.get("/y"))
        #expect(try await client.response().body == "/y|")
      }
      try await TestServer.run(on: [address]) { _ in }
    }

    @Test func oneListenerPerLoop() async throws {
      try await TestServer.run(threads: 3) {
        $0.reusePort = true
      } _: { server in
        for _ in 0..<30 {
          let response = try await server.get("/x")
          #expect(response.status == 200)
        }
        #expect(server.server.counters.connectionsAccepted == 30)
      }
    }
  }
}
