import AdminAPI
import Dashboard
import Gate
import Testing

/// `/me` on the gate's listener.
@Suite struct UserPageTests {
  private let page = UserPage(before: Bench().gate)

  private func send(
    _ method: String, _ target: String, _ body: String = "",
    _ headers: [(name: String, value: String)] = [("Sec-Fetch-Site", "same-origin")]
  ) async -> ControlResponse {
    let type = method == "POST" ? [(name: "Content-Type", value: "application/x-www-form-urlencoded")] : []
    return await page.respond(
      to: ControlRequest(
        method: method, target: target, headers: headers + type + [("Host", "gate.example")],
        body: Array(body.utf8)))
  }

  @Test func aUserSeesTheirBudgetAndNotTheToken() async {
    let empty = await send("GET", "/me")
    #expect(empty.status == 200 && empty.text.contains("name=\"token\""))
    let shown = await send("POST", "/me", "token=\(Bench.token)")
    #expect(shown.status == 200)
    #expect(shown.text.contains("Of 100 tokens: used 30, held 10, remaining 60"))
    #expect(shown.text.contains("href=\"https://example.com/up\""))
    #expect(!shown.text.contains(Bench.token))
    for answer in [empty, shown] {
      #expect(answer.value(of: "Cache-Control") == "no-store" && answer.value(of: "Set-Cookie") == nil)
      #expect(answer.value(of: "Content-Security-Policy")?.hasPrefix("default-src 'none'") == true)
    }
  }

  @Test(arguments: ["nonsense", "tle_unknown_0123456789", Bench.expiredToken, Bench.operatorKey])
  func otherTokensShowNothing(token: String) async {
    let answer = await send("POST", "/me", "token=\(token)")
    #expect(answer.status == 401 && answer.text.contains("not valid") && !answer.text.contains(token))
  }

  @Test func aTokenInAnAddressIsNotLookedAt() async {
    let answer = await send("GET", "/me?token=\(Bench.token)")
    #expect(answer.status == 200 && !answer.text.contains("Remaining"))
    #expect(await send("POST", "/me?token=\(Bench.token)").status == 400)
    let foreign = await send("POST", "/me", "token=\(Bench.token)", [("Origin", "https://evil.example")])
    #expect(foreign.status == 403)
    #expect(await send("DELETE", "/me").value(of: "Allow") == "GET, HEAD, POST")
  }

  @Test func nothingElseOfTheDashboardIsOnTheGate() async {
    let assets = await send("GET", "/me").text.matches(of: /(?:href|src)="(\/me\/assets\/[^"]+)"/)
    #expect(assets.count == 2)
    for asset in assets { #expect(await send("GET", String(asset.1)).status == 200) }
    for path in ["/", "/sign-in", "/users", "/assets/style.css", "/me/assets/none", "/me/x"] {
      #expect(await send("GET", path).status == 404, "\(path)")
    }
    let own = await page.respond(
      to: ControlRequest(method: "GET", target: "/v1/budget", headers: [Bench.asUser]))
    #expect(own.status == 200)
  }
}
