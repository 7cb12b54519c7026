import Testing

extension FullStack {
  /// Each call that the running server documents, with each kind of credential.
  @Suite(.stack) struct RouteRuleTests {
    private struct Callers {
      var user: TestUser
      var viewer: (String, String)
      var unknown: [[(String, String)]]
    }

    private func callers() async throws -> Callers {
      let stack = Stack.here
      let user = try await stack.makeUser("ruled", plan: "storm")
      let key = try await stack.admin("POST", "/admin/v1/keys", #"{"kind":"admin","role":"viewer"}"#)
      let text = try #require(key.json["key"].string)
      let strangers = [
        "Bearer tga_0000000000000000000000000000", "Bearer tgs_0000000000000000000000000000", "Bearer",
        "Basic YTpi",
      ]
      return Callers(
        user: user, viewer: ("Authorization", "Bearer \(text)"),
        unknown: strangers.map { [("Authorization", $0)] })
    }

    /// The calls of the document, by the listener of their server.
    private func documented() async throws -> (gate: Set<String>, admin: Set<String>) {
      let answer = try await Stack.here.admin("GET", "/openapi.json", headers: [])
      #expect(answer.json["openapi"] == .string("3.1.0"))
      var (gate, admin): (Set<String>, Set<String>) = ([], [])
      let servers = answer.json["servers"].items.map { $0["url"].string ?? "" }
      for path in answer.json["paths"].names {
        let item = answer.json["paths"][path]
        let own = item["servers"].items.map { $0["url"].string ?? "" }
        for url in own.isEmpty ? servers : own {
          for method in item.names where item[method]["operationId"].string != nil {
            let call = "\(method.uppercased()) \(path)"
            if url.hasSuffix("8081") { admin.insert(call) } else { gate.insert(call) }
          }
        }
      }
      return (gate, admin)
    }

    private func target(_ template: String) -> String {
      let names = [
        "{id}": "nobody", "{grant}": "grt_g1", "{limit}": "requests", "{gateway}": "traefik",
        "{policy}": "chat",
      ]
      return names.reduce(template) { $0.replacing($1.key, with: $1.value) }
    }

    /// A credential is asked for before anything else, so an empty body is as good as any.
    private func ask(_ call: String, admin: Bool, _ headers: [(String, String)]) async throws -> Answer {
      let parts = call.split(separator: " ").map(String.init)
      let body: String? = ["POST", "PUT", "PATCH"].contains(parts[0]) ? "{}" : nil
      let port = admin ? Stack.here.gate.adminPort : Stack.here.gate.port
      return try await Connection.once(
        Request(parts[0], target(parts[1]), headers, body), port: port)
    }

    @Test func everyDocumentedCallHasARuleAndTheOtherWayRound() async throws {
      let documented = try await documented()
      #expect(documented.admin == Set(RouteRule.admin.keys))
      #expect(documented.gate == Set(RouteRule.gate.keys))
    }

    @Test func theAdminListenerKeepsToItsRules() async throws {
      let callers = try await callers()
      let stack = Stack.here
      // The session cookie of a browser is no key.
      let cookie = [("Cookie", "session=\(stack.adminKey)"), ("Origin", "http://evil.example")]
      let wrong = callers.unknown + [[], cookie, stack.service, callers.user.credentials]
      for (call, rule) in RouteRule.admin.sorted(by: { $0.key < $1.key }) {
        for headers in wrong {
          let answer = try await ask(call, admin: true, headers)
          if rule == .open {
            #expect(answer.status == 200, "\(call)")
          } else {
            #expect(answer.status == 401, "\(call) \(headers.map(\.0)): \(answer.text)")
            #expect(answer.header("WWW-Authenticate") == "Bearer realm=\"tollgate\"", "\(call)")
          }
        }
        let viewer = try await ask(call, admin: true, [callers.viewer])
        #expect((viewer.status == 403) == (rule == .operator), "\(call): \(viewer.status) \(viewer.text)")
        // Reading is all that a viewer may, and all that GET does.
        #expect(call.hasPrefix("GET ") == (rule != .operator), "\(call)")
        let allowed = try await ask(call, admin: true, stack.operatorKey)
        #expect(
          ![401, 403, 405].contains(allowed.status) && allowed.status < 500, "\(call): \(allowed.text)")
      }
    }

    @Test func theGatesListenerKeepsToItsRules() async throws {
      let callers = try await callers()
      let stack = Stack.here
      let named = stack.service + [("X-Tollgate-User", callers.user.id)]
      let wrong = callers.unknown + [[], stack.operatorKey, [("X-TLE-Token", "tle_0000000000000000")]]
      for (call, rule) in RouteRule.gate.sorted(by: { $0.key < $1.key }) where rule != .open {
        for headers in wrong {
          let answer = try await ask(call, admin: false, headers)
          #expect(answer.status == 401, "\(call) \(headers.map(\.0)): \(answer.status) \(answer.text)")
          #expect(answer.header("WWW-Authenticate") == "TLE-Token realm=\"tollgate\"", "\(call)")
        }
        let token = try await ask(call, admin: false, callers.user.credentials)
        #expect((token.status == 403) == (rule == .service), "\(call): \(token.status) \(token.text)")
        #expect(token.status != 401, "\(call): \(token.text)")
        let service = try await ask(call, admin: false, named)
        #expect(![401, 403, 405].contains(service.status), "\(call): \(service.status) \(service.text)")
      }
    }

    @Test func neitherListenerAnswersForTheOther() async throws {
      let stack = Stack.here
      let gate = stack.service + [("X-Tollgate-User", "ruled")]
      for call in RouteRule.admin.keys where RouteRule.gate[call] == nil {
        #expect(try await ask(call, admin: false, stack.operatorKey).status == 404, "\(call)")
      }
      for call in RouteRule.gate.keys where RouteRule.admin[call] == nil {
        let status = try await ask(call, admin: true, gate).status
        #expect(status == 404 || status == 405, "\(call): \(status)")
      }
    }
  }
}
