import Testing

extension FullStack {
  /// Whatever is sent, the answer is a 4xx that says what is wrong, and nothing is consumed.
  @Suite(.stack) struct BadInputTests {
    /// One thing that may be wrong: what is sent, and what has to come.
    struct Bad: Sendable, CustomTestStringConvertible {
      var name: String
      var status = 400
      var code = "invalid_request"
      /// What `errors` must name; nil where it names no field.
      var field: String?
      var headers: [(String, String)] = []
      var body: [UInt8] = []

      var testDescription: String { name }

      static func body(_ text: String, _ field: String? = nil) -> Bad {
        Bad(name: String(text.prefix(60)), field: field, body: Array(text.utf8))
      }

      static func header(_ name: String, _ value: String, _ field: String? = nil, body: String = "") -> Bad {
        Bad(
          name: "\(name): \(value.prefix(40)) \(body)", field: field, headers: [(name, value)],
          body: Array(body.utf8))
      }
    }

    private static let bodies: [Bad] = [
      .body("{"), .body("}"), .body("{]"), .body("[]"), .body("null"), .body("5"), .body("\"x\""),
      .body("{\"tokens\":}"), .body("{\"tokens\":5,}"), .body("{,}"), .body("{tokens:5}"),
      .body("{'tokens':5}"),
      .body("{\"tokens\" 5}"), .body("{\"tokens\":5} x"), .body("{\"tokens\":5}{}"), .body("{\"tokens\":05}"),
      .body("{\"tokens\":+5}"), .body("{\"tokens\":.5}"), .body("{\"tokens\":5.}"), .body("{\"tokens\":NaN}"),
      .body("{\"tokens\":0x10}"), .body("{/**/}"), .body("\u{FEFF}{}"), .body("{\"tokens\":tru}"),
      .body("{\"tokens\":-1}", "tokens"), .body("{\"tokens\":1.0}", "tokens"),
      .body("{\"tokens\":1e3}", "tokens"),
      .body("{\"tokens\":1E+2}", "tokens"), .body("{\"tokens\":-0}", "tokens"),
      .body("{\"tokens\":1000000000000000}", "tokens"), .body("{\"tokens\":9223372036854775807}", "tokens"),
      .body("{\"tokens\":9223372036854775808}", "tokens"),
      .body("{\"tokens\":18446744073709551617}", "tokens"),
      .body("{\"tokens\":" + String(repeating: "9", count: 400) + "}", "tokens"),
      .body("{\"tokens\":\"5\"}", "tokens"), .body("{\"tokens\":true}", "tokens"),
      .body("{\"tokens\":[5]}", "tokens"),
      .body("{\"tokens\":{}}", "tokens"),
      .body("{\"tokens\":5,\"tokens\":6}", "tokens"), .body("{\"tokens\":5,\"\\u0074okens\":6}", "tokens"),
      .body("{\"token\":5}", "token"), .body("{\"allowed\":true}", "allowed"), .body("{\"\":1}", ""),
      .body("{\"Tokens\":5}", "Tokens"), .body("{\"outcome\":\"x\"}", "outcome"),
      .body("{\"feature\":\"nope\"}", "feature"), .body("{\"feature\":\"\"}", "feature"),
      .body("{\"feature\":5}", "feature"), .body("{\"feature\":[]}", "feature"),
      .body("{\"feature\":\"Chat\"}", "feature"),
      .body("{\"feature\":\"ch\\u0000at\"}"), .body("{\"feature\":\"\\ud800\"}"),
      .body("{\"feature\":\"\\udc00x\"}"),
      .body("{\"feature\":\"\\ud800\\ud800\"}"), .body("{\"feature\":\"\\x41\"}"),
      .body("{\"feature\":\"\\u12\"}"),
      .body("{\"feature\":\"a\u{1}b\"}"), .body("{\"feature\":\"chat"),
      .body("{\"feature\":\"line\nbreak\"}"),
      .body("{\"mode\":\"burn\"}", "mode"), .body("{\"mode\":\"Spend\"}", "mode"),
      .body("{\"mode\":1}", "mode"),
      .body("{\"ttl_s\":0,\"mode\":\"reserve\"}", "ttl_s"),
      .body("{\"ttl_s\":86401,\"mode\":\"reserve\"}", "ttl_s"),
      .body("{\"ttl_s\":1.5,\"mode\":\"reserve\"}", "ttl_s"), .body("{\"ttl_s\":\"9\"}", "ttl_s"),
      .body("{\"partial\":\"yes\"}", "partial"), .body("{\"partial\":1}", "partial"),
      .body("{\"metadata\":\"x\"}", "metadata"), .body("{\"metadata\":[1]}", "metadata"),
      .body("{\"metadata\":{\"a\":\"" + String(repeating: "x", count: 2050) + "\"}}", "metadata"),
      .body("{\"metadata\":{\"a\":\"\\ud800\"}}"), .body("{\"user\":5}", "user"),
      .body(
        "{\"metadata\":" + String(repeating: "{\"a\":", count: 40) + "1" + String(repeating: "}", count: 41)),
    ]

    private static let odd: [Bad] = [
      Bad(name: "a raw NUL", body: Array("{\"feature\":\"ch".utf8) + [0] + Array("at\"}".utf8)),
      Bad(name: "NULs alone", body: [0, 0, 0]),
      Bad(name: "broken UTF-8", body: Array("{\"feature\":\"".utf8) + [0xC3, 0x28] + Array("\"}".utf8)),
      Bad(
        name: "a surrogate as UTF-8",
        body: Array("{\"feature\":\"".utf8) + [0xED, 0xA0, 0x80] + Array("\"}".utf8)),
      Bad(name: "an overlong form", body: Array("{\"feature\":\"".utf8) + [0xC0, 0xAF] + Array("\"}".utf8)),
      Bad(name: "UTF-16", body: [0xFF, 0xFE, 0x7B, 0, 0x7D, 0]),
    ]

    private static let headers: [Bad] = [
      .header("X-Tollgate-Tokens", "-5", "X-Tollgate-Tokens"),
      .header("X-Tollgate-Tokens", "1e3", "X-Tollgate-Tokens"),
      .header("X-Tollgate-Tokens", "5,6", "X-Tollgate-Tokens"),
      .header("X-Tollgate-Tokens", "+5", "X-Tollgate-Tokens"),
      .header("X-Tollgate-Tokens", "", "X-Tollgate-Tokens"),
      .header("X-Tollgate-Tokens", "9223372036854775808", "X-Tollgate-Tokens"),
      .header("X-Tollgate-Tokens", "1000000000000000", "X-Tollgate-Tokens"),
      .header("X-Tollgate-Tokens", "500", "tokens", body: "{\"tokens\":501}"),
      .header("X-Tollgate-Feature", "chat", "feature", body: "{\"feature\":\"note\"}"),
      .header("X-Tollgate-Feature", "nope", "feature"), .header("X-Tollgate-Mode", "burn", "mode"),
      .header("X-Tollgate-Mode", "peek", "mode", body: "{\"mode\":\"spend\"}"),
      .header("Idempotency-Key", String(repeating: "k", count: 256), "Idempotency-Key"),
      .header("Idempotency-Key", "two words", "Idempotency-Key"),
      .header("Idempotency-Key", "", "Idempotency-Key"),
      .header("Idempotency-Key", "schlüssel", "Idempotency-Key"),
      Bad(
        name: "two Idempotency-Key", field: "Idempotency-Key",
        headers: [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]),
      Bad(
        name: "text/plain", status: 415, code: "unsupported_media_type",
        headers: [("Content-Type", "text/plain")],
        body: Array("{}".utf8)),
      Bad(
        name: "a form", status: 415, code: "unsupported_media_type",
        headers: [("Content-Type", "application/x-www-form-urlencoded")], body: Array("tokens=5".utf8)),
      Bad(
        name: "json by another name", status: 415, code: "unsupported_media_type",
        headers: [("Content-Type", "application/jsonp")], body: Array("{}".utf8)),
      Bad(name: "another user", status: 403, code: "forbidden", headers: [("X-Tollgate-User", "somebody")]),
      Bad(
        name: "another user in the body", status: 403, code: "forbidden", body: Array("{\"user\":\"x\"}".utf8)
      ),
      Bad(
        name: "a second token", field: "X-TLE-Token", headers: [("X-TLE-Token", "tle_aaaaaaaaaaaaaaaaaaa")]),
      Bad(
        name: "two Authorization", field: "Authorization",
        headers: [("Authorization", "Bearer x"), ("Authorization", "Bearer x")]),
    ]

    @Test func everyOneIsRefusedAndTakesNothing() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("careless", plan: "storm")
      #expect(try await stack.check(user, #"{"feature":"note"}"#).status == 200)
      let before = try await stack.budget(user)
      for bad in Self.bodies + Self.odd + Self.headers {
        var request = Request("POST", "/v1/check", user.credentials + bad.headers)
        if !bad.body.isEmpty {
          request.headers.append(("Content-Length", String(bad.body.count)))
          if !bad.headers.contains(where: { $0.0 == "Content-Type" }) {
            request.headers.append(("Content-Type", "application/json"))
          }
        }
        let connection = try await Connection.open(stack.gate.port)
        let answer = try await connection.send(raw: request.bytes + bad.body)
        let what = Comment(rawValue: bad.name)
        expectProblem(answer, bad.status, bad.code, what)
        if let field = bad.field { #expect(answer.json["errors"][0]["field"] == .string(field), what) }
        if bad.status == 400 { #expect(answer.json["errors"].items.isEmpty == false, what) }
        // A well-formed request after a refused one is answered on the same connection.
        let next = try await connection.send(
          Request("POST", "/v1/check", user.credentials, #"{"mode":"peek"}"#))
        #expect(next.status == 200, what)
        await connection.close()
      }
      #expect(try await stack.budget(user) == before)
      try await stack.waitForBooks()
      #expect(try await stack.booked(user.id) == 100)
    }

    /// Not even HTTP, or more of it than is taken: the connection is closed after the answer.
    @Test func brokenHTTPIsRefused() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("broken-http", plan: "storm")
      let token = "X-TLE-Token: \(user.token)\r\n"
      let start = "POST /v1/check HTTP/1.1\r\nHost: a\r\n\(token)"
      let many = (0..<101).map { "X-Header-\($0): x\r\n" }.joined()
      let cases: [(String, status: Int, code: String)] = [
        ("POST /v1/check HTTP/1.1\r\nHost: a\r\nHost: a\r\n\(token)\r\n", 400, "invalid_request"),
        ("POST /v1/check HTTP/1.1\r\n\(token)\r\n", 400, "invalid_request"),
        ("POST /v1/check HTTP/1.1\nHost: a\n\(token)\n", 400, "invalid_request"),
        ("POST  /v1/check HTTP/1.1\r\nHost: a\r\n\r\n", 400, "invalid_request"),
        ("POST /v1/che ck HTTP/1.1\r\nHost: a\r\n\r\n", 400, "invalid_request"),
        ("\u{1}\u{2}\u{3}\r\n\r\n", 400, "invalid_request"),
        // HTTP has statuses of its own for what no server has to know.
        ("POST /v1/check HTTP/2.0\r\nHost: a\r\n\r\n", 505, "invalid_request"),
        ("\(start)Transfer-Encoding: gzip\r\n\r\n", 501, "invalid_request"),
        ("\(start)X-A : b\r\n\r\n", 400, "invalid_request"),
        ("\(start)X-A: b\r\n c\r\n\r\n", 400, "invalid_request"),
        ("\(start)X-A: b\u{0}c\r\n\r\n", 400, "invalid_request"),
        ("\(start)Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400, "invalid_request"),
        ("\(start)Content-Length: -1\r\n\r\n", 400, "invalid_request"),
        ("\(start)Content-Length: +2\r\n\r\n{}", 400, "invalid_request"),
        ("\(start)Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 400, "invalid_request"),
        ("\(start)Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "invalid_request"),
        (
          "\(start)Content-Length: 1048576\r\n\r\n" + String(repeating: "x", count: 1_048_576), 413,
          "body_too_large"
        ),
        ("\(start)Content-Length: 99999999999999999999999\r\n\r\n", 413, "body_too_large"),
        (
          "\(start)Transfer-Encoding: chunked\r\n\r\n20000\r\n" + String(repeating: "x", count: 0x20000), 413,
          "body_too_large"
        ),
        ("\(start)X-Huge: \(String(repeating: "x", count: 20_000))\r\n\r\n", 431, "headers_too_large"),
        ("\(start)\(many)\r\n", 431, "headers_too_large"),
        (
          "POST /\(String(repeating: "x", count: 20_000)) HTTP/1.1\r\nHost: a\r\n\r\n", 431,
          "headers_too_large"
        ),
      ]
      for (text, status, code) in cases {
        let connection = try await Connection.open(stack.gate.port)
        let what = Comment(rawValue: String(text.replacing(user.token, with: "…").prefix(120)))
        let answer = try await connection.send(raw: Array(text.utf8))
        expectProblem(answer, status, code, what)
        #expect(answer.header("Connection") == "close", what)
        await connection.close()
      }
      #expect(try await stack.budget(user).used == 0)
      #expect(try await stack.call("GET", "/livez").status == 200)
    }

    @Test func pathsAndMethodsAreRefused() async throws {
      let stack = Stack.here
      let user = try await stack.makeUser("lost", plan: "storm")
      for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        let answer = try await stack.call(method, "/v1/check", user.credentials)
        expectProblem(answer, 405, "method_not_allowed", "\(method)")
        #expect(answer.header("Allow") == "POST")
      }
      #expect(try await stack.call("HEAD", "/v1/check", user.credentials).status == 405)
      for path in [
        "/", "/v1", "/v1/check/", "/v1//check", "/v2/check", "/V1/check", "/v1/checks", "/v1/%63heck",
      ] {
        expectProblem(try await stack.call("POST", path, user.credentials), 404, "not_found", "\(path)")
      }
      expectProblem(try await stack.call("POST", "/v1/budget", user.credentials), 405, "method_not_allowed")
      let odd = try await stack.call("GET", "/v1/budget?limit=5", user.credentials)
      expectProblem(odd, 400, "invalid_request")
      for id in ["bad\u{7F}id", "<script>", String(repeating: "x", count: 129)] {
        let answer = try await stack.check(user, #"{"mode":"peek"}"#, [("X-Request-Id", id)])
        if id.contains("\u{7F}") {
          expectProblem(answer, 400, "invalid_request")
        } else {
          #expect(answer.status == 200)
          #expect(answer.header("X-Request-Id") != id)
          #expect(answer.header("X-Request-Id")?.isEmpty == false)
        }
      }
      #expect(try await stack.budget(user).used == 0)
    }
  }
}
