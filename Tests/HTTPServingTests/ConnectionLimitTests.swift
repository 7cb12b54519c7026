import HTTPServing
import NIOCore
import Testing

extension SocketTests {
  @Suite("Connection: limits and refusals")
  struct ConnectionLimitTests {
    static let get = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test(arguments: [
      ("GET / HTTP/1.1\n\n", 400), ("GET / HTTP/2.0\r\n\r\n", 505),
      ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 17_000))\r\n\r\n", 431),
      ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 65\r\n\r\n", 413),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n", 413),
      ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ])
    func refusesAndCloses(_ request: String, status: Int) async throws {
      try await TestServer.run { server in
        let client = try await server.connect()
        // What comes after a refused request is no request, whatever it looks like.
        client.offer(Self.get + request + Self.get)
        #expect(try await client.response().status == 200)
        let refusal = try await client.response()
        #expect(refusal.status == status)
        #expect(refusal.saysClose)
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test func theClientGetsToReadA413WhileItSends() async throws {
      try await TestServer.run { server in
        let client = try await server.connect()
        client.offer("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n")
        client.offer(String(repeating: "x", count: 2_000_000))
        #expect(try await client.response().status == 413)
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test func continueIsSaidOnlyWhenTheBodyWillBeRead() async throws {
      try await TestServer.run { server in
        func head(_ length: Int, _ version: String = "1.1") -> String {
          "POST /x HTTP/\(version)\r\nHost: a\r\nConnection: keep-alive\r\n"
            + "Expect: 100-Continue\r\nContent-Length: \(length)\r\n\r\n"
        }
        let client = try await server.connect()
        try await client.send(head(2))
        #expect(try await client.response() == TestResponse(status: 100, headers: [], body: ""))
        try await client.send("hi")
        #expect(try await client.response().body == "/x|hi")
        // The body is there already, is empty, or is none of ours to ask for.
        try await client.send(head(2) + "yo")
        #expect(try await client.response().body == "/x|yo")
        try await client.send(head(0))
        #expect(try await client.response().body == "/x|")
        try await client.send(head(2, "1.0"))
        await server.events.wait(for: "head /x")
        try await client.send("ok")
        #expect(try await client.response().body == "/x|ok")
        try await client.send(head(65))
        #expect(try await client.response().status == 413)
        #expect(try await client.rest().isEmpty)
      }
    }

    @Test(arguments: [
      "G", "GET / HTTP/1.1\r\nHost: a\r\n", "\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc",
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
    ])
    func slowClientsTimeOut(_ part: String) async throws {
      try await TestServer.run {
        $0.headMillisecondsMax = 20
        $0.bodyMillisecondsMax = 20
      } _: { server in
        let client = try await server.connect()
        try await client.send(Self.get + part)
        #expect(try await client.response().status == 200)
        #expect(try await client.response().status == 408)
        #expect(try await client.rest().isEmpty)
        #expect(server.server.counters.connectionsTimedOut == 1)
      }
    }

    @Test func drippingDoesNotStretchTheLimit() async throws {
      try await TestServer.run {
        $0.headMillisecondsMax = 50
      } _: { server in
        let client = try await server.connect()
        // As long as the server reads, one byte more; the limit ends it, or the test's own does.
        let dripping = client.drip("a")
        let status = try await client.response().status
        dripping.cancel()
        #expect([408, 431].contains(status))
      }
    }

    @Test func idleConnectionsCloseWithoutAWord() async throws {
      try await TestServer.run {
        $0.idleMillisecondsMax = 1_500
      } _: { server in
        let silent = try await server.connect()
        #expect(try await silent.rest().isEmpty)
        let idle = try await server.connect()
        try await idle.send(Self.get)
        #expect(try await idle.response().status == 200)
        #expect(try await idle.rest().isEmpty)
      }
    }

    @Test func aRequestInFlightHasAllTheTimeItTakes() async throws {
      try await TestServer.run {
        $0.headMillisecondsMax = 20
        $0.bodyMillisecondsMax = 20
      } _: { server in
        let client = try await server.connect()
        try await client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET /par")
        await server.events.wait(for: "/hold")
        // Another client, later than this one, is past its limit meanwhile.
        let slow = try await server.connect()
        try await slow.send("GET")
        #expect(try await slow.response().status == 408)
        #expect(try await server.get("/release").body == "[true]")
        #expect(try await client.response().body == "released true")
        // What waited behind it has its time from now on, and not for ever.
        #expect(try await client.response().status == 408)
      }
    }

    @Test func aClientThatDoesNotReadIsCutOff() async throws {
      try await TestServer.run {
        $0.writeStallMillisecondsMax = 20
      } _: { server in
        let client = try await server.connect()
        try await client.stopReading()
        let request = "GET /megabyte HTTP/1.1\r\nHost: a\r\n\r\n"
        client.offer(String(repeating: request, count: 100))
        var seen = 0
        while server.server.counters.connectionsTimedOut == 0 {
          // Each answer takes a trip over the loop: nothing spins and nothing sleeps.
          _ = try await server.get("/x")
          seen += 1
        }
        #expect(seen > 0)
        try await client.close()
      }
    }

    @Test func connectionsPastTheMaximumAreTurnedAway() async throws {
      try await TestServer.run {
        $0.connectionsMax = 2
      } _: { server in
        let first = try await server.connect()
        try await first.send(Self.get)
        #expect(try await first.response().status == 200)
        let second = try await server.connect()
        try await second.send(Self.get)
        #expect(try await second.response().status == 200)
        let third = try await server.connect()
        third.offer(Self.get)
        let refusal = try await third.response()
        #expect(refusal.status == 503)
        #expect(refusal.saysClose)
        #expect(try await third.rest().isEmpty)
        #expect(server.server.counters.connectionsRejected == 1)
        try await first.send(Self.get)
        #expect(try await first.response().status == 200)
      }
    }

    @Test func aClientThatGoesAwayIsForgotten() async throws {
      try await TestServer.run { server in
        let client = try await server.connect()
        try await client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n" + Self.get)
        await server.events.wait(for: "/hold")
        try await client.close()
        // Answered into the void or not at all; either way the server goes on.
        #expect(try await server.get("/release").status == 200)
        let partial = try await server.connect()
        try await partial.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nabc")
        await server.events.wait(for: "head /")
        try await partial.close()
        while server.server.counters.connectionsOpen > 1 { _ = try await server.get("/x") }
      }
    }
  }
}
