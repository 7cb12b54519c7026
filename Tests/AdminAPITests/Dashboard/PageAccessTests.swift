import AdminAPI
import Dashboard
import Gate
import Testing

/// Each page and form with nobody, a viewer and an operator, and with forms from elsewhere.
@Suite struct PageAccessTests {
  /// Who may come where. A route without a line here fails the test, and so does a line without a route.
  static let rules: [String: PageRoute.Access] = [
    "GET /sign-in": .anyone, "POST /sign-in": .anyone, "GET /assets/{file}": .anyone,
    "POST /sign-out": .viewer,
    "GET /": .viewer, "GET /overview/stream": .viewer,
    "GET /users": .viewer, "GET /users/{id}": .viewer,
    "GET /users/{id}/ledger": .viewer, "GET /users/{id}/ledger.csv": .viewer,
    "GET /tenants": .viewer, "GET /tenants/{id}": .viewer,
    "GET /tenants/{id}/ledger": .viewer, "GET /tenants/{id}/ledger.csv": .viewer,
    "GET /billing": .viewer, "GET /backend": .viewer, "GET /audit": .viewer, "GET /settings": .viewer,
    "GET /webhooks": .viewer, "GET /webhooks/{id}": .viewer,
    "GET /events": .viewer, "GET /events/{id}": .viewer,
  ].merging(
    [
      "/new-user", "/users/{id}/edit", "/users/{id}/grant", "/users/{id}/reset",
      "/users/{id}/grants/{grant}/revoke", "/users/{id}/tokens/new", "/tokens/{token}/rotate",
      "/tokens/{token}/revoke", "/new-tenant", "/tenants/{id}/edit", "/tenants/{id}/grant",
      "/tenants/{id}/reset", "/tenants/{id}/grants/{grant}/revoke", "/billing/links",
      "/webhooks/{id}/replay", "/settings/new-key", "/settings/keys/{key}/revoke",
      "/users/{id}/limits/new", "/users/{id}/limits/{limit}/remove", "/events/{id}/replay",
    ].flatMap { [("GET \($0)", PageRoute.Access.operator), ("POST \($0)", .operator)] },
    uniquingKeysWith: { $1 })

  static let calls = rules.filter { $0.value != .anyone }.keys.sorted()
  static let forms = calls.filter { $0.hasPrefix("POST ") }

  /// Method and a path of the template, with something in the place of every name.
  static func target(_ call: String) -> (method: String, path: String) {
    let parts = call.split(separator: " ").map(String.init)
    let isEvent = parts[1].hasPrefix("/webhooks") || parts[1].hasPrefix("/events")
    let account = parts[1].hasPrefix("/tenants") ? "t_1" : isEvent ? "evt_1" : "u_1"
    let path = parts[1].replacing("{id}", with: account).replacing("{grant}", with: "grt_g0")
      .replacing("{token}", with: "tok_9").replacing("{key}", with: "key_9")
      .replacing("{limit}", with: "requests")
    return (parts[0], path)
  }

  @Test func everyRouteHasARule() {
    let routes = Visitor().dashboard.routes
    #expect(routes.count == PageAccessTests.rules.count)
    for route in routes {
      #expect(PageAccessTests.rules["\(route.method) \(route.template)"] == route.access, "\(route.template)")
    }
    // What only reads changes nothing, and what changes something asks before: it has a page of its own.
    for route in routes where route.method == "POST" && route.access == .operator {
      #expect(routes.contains { $0.method == "GET" && $0.template == route.template })
    }
  }

  @Test(arguments: calls) func strangersAreAskedToSignIn(call: String) async {
    let (method, path) = PageAccessTests.target(call)
    for cookie in [nil, "__Host-tollgate=", "__Host-tollgate=\(String(repeating: "ab", count: 32))"] {
      let visitor = Visitor()
      visitor.cookie = cookie
      let answer = await visitor.send(method, path)
      if method == "GET" {
        #expect(answer.status == 303)
        #expect(answer.value(of: "Location")?.hasPrefix("/sign-in") == true)
      } else {
        #expect(answer.status == 401)
      }
      #expect(visitor.bench.accounts.with { $0.actors.isEmpty && $0.grants.isEmpty && $0.resets.isEmpty })
    }
  }

  @Test(arguments: calls) func viewersReadAndOperatorsWrite(call: String) async {
    let (method, path) = PageAccessTests.target(call)
    let viewer = Visitor()
    await viewer.signIn(Bench.viewerKey)
    let seen = method == "GET" ? await viewer.get(path) : await viewer.post(path)
    #expect((seen.status == 403) == (PageAccessTests.rules[call] == .operator), "\(call): \(seen.status)")
    for key in [Bench.operatorKey, Bench.bootstrapKey] {
      let visitor = Visitor()
      await visitor.signIn(key)
      let answer = method == "GET" ? await visitor.get(path) : await visitor.post(path)
      #expect(![401, 403, 405].contains(answer.status) && answer.status < 500, "\(call): \(answer.status)")
      if answer.status == 200, !path.hasSuffix(".csv"), !path.hasSuffix("/stream") {
        #expect(answer.text.contains("</html>"))
      }
    }
  }

  @Test(arguments: forms) func formsFromElsewhereDoNothing(call: String) async {
    let (_, path) = PageAccessTests.target(call)
    let visitor = Visitor()
    await visitor.signIn()
    let csrf = await visitor.csrf()
    #expect(csrf.count == 64)
    let elsewhere: [[(name: String, value: String)]] = [
      [], [("Origin", "null")], [("Origin", "https://evil.example")],
      [("Origin", "https://admin.example.evil.example")], [("Sec-Fetch-Site", "cross-site")],
      [("Sec-Fetch-Site", "same-site")], [("Sec-Fetch-Site", "none")],
      [("Origin", "http://admin.example"), ("Sec-Fetch-Site", "cross-site")],
    ]
    for headers in elsewhere {
      let answer = await visitor.send("POST", path, [("csrf", csrf)], headers: headers)
      #expect(answer.status == 403, "\(headers)")
    }
    let other = Visitor()
    await other.signIn()
    for foreign in [nil, "", "0", await other.csrf(), String(csrf.dropLast()) + "x"] {
      let fields = foreign.map { [("csrf", $0)] } ?? []
      #expect(await visitor.send("POST", path, fields).status == 403)
    }
    #expect(visitor.bench.accounts.with { $0.actors.isEmpty && $0.grants.isEmpty && $0.resets.isEmpty })
  }

  @Test func signingInTakesAFormOfOurOwnToo() async {
    let visitor = Visitor()
    let key = [("key", Bench.operatorKey)]
    let foreign = await visitor.send("POST", "/sign-in", key, headers: [("Origin", "https://evil.example")])
    #expect(foreign.status == 403 && foreign.value(of: "Set-Cookie") == nil)
  }
}
