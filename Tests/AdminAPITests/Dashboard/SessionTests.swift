import AdminAPI
import Dashboard
import Gate
import Testing

/// Coming in, staying, and going out.
@Suite struct SessionTests {
  @Test func theCookieIsForThisHostAloneAndOutOfReachForScripts() async {
    let visitor = Visitor()
    let answer = await visitor.signIn()
    #expect(answer.status == 303)
    let cookie = answer.value(of: "Set-Cookie") ?? ""
    let shape = #/^__Host-tollgate=[0-9a-f]{64}; Path=\/; Secure; HttpOnly; SameSite=Strict; /#
    #expect(cookie.contains(shape))
    #expect(!cookie.contains("Domain"))
    #expect(await visitor.get("/").status == 200)
    // What is kept can't be used as a cookie.
    let kept = visitor.sessions.with { $0.sessions.keys.map { $0.bytes } }
    #expect(kept.count == 1)
    #expect(
      !cookie.contains(kept[0].map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()))
  }

  @Test(arguments: ["", "nonsense", "tga_unknown_0123456789", Bench.serviceKey, Bench.token])
  func otherCredentialsOpenNothing(key: String) async {
    let visitor = Visitor()
    let answer = await visitor.signIn(key)
    #expect(answer.status == 401 && answer.value(of: "Set-Cookie") == nil)
    #expect(key.isEmpty || !answer.text.contains(key))
  }

  @Test func aSessionEndsByIdlenessByAgeAndWithItsKey() async {
    let idle = Visitor()
    await idle.signIn()
    idle.sessions.with { $0.now += 1_799 }
    #expect(await idle.get("/users").status == 200)
    idle.sessions.with { $0.now += 1_799 }
    #expect(await idle.get("/users").status == 200)
    idle.sessions.with { $0.now += 1_800 }
    #expect(await idle.get("/users").status == 303)

    let old = Visitor()
    await old.signIn()
    for _ in 0..<27 {
      #expect(await old.get("/users").status == 200)
      old.sessions.with { $0.now += 1_600 }
    }
    #expect(await old.get("/users").status == 303)

    let revoked = Visitor()
    await revoked.signIn()
    revoked.sessions.with { $0.roles["k_op"] = nil }
    #expect(await revoked.get("/users").status == 303)
  }

  @Test func aSessionIsWhatItsKeyIsNow() async {
    let visitor = Visitor()
    await visitor.signIn()
    visitor.sessions.with { $0.roles["k_op"] = .viewer }
    #expect(await visitor.get("/users/u_1/grant").status == 403)
  }

  @Test func theEnvironmentsKeyEndsItsSessionsWhenItIsAnother() async {
    let visitor = Visitor()
    await visitor.signIn(Bench.bootstrapKey)
    #expect(await visitor.get("/users").status == 200)
    var changed = Bench()
    changed.control.bootstrapOperator = Bench.hash("another-key")
    let after = Visitor(changed, sessions: visitor.sessions)
    after.cookie = visitor.cookie
    #expect(await after.get("/users").status == 303)
    changed.control.bootstrapOperator = nil
    let without = Visitor(changed, sessions: visitor.sessions)
    without.cookie = visitor.cookie
    #expect(await without.get("/users").status == 303)
  }

  @Test func signingOutEndsTheSessionNotOnlyTheCookie() async {
    let visitor = Visitor()
    await visitor.signIn()
    let answer = await visitor.post("/sign-out")
    #expect(answer.status == 303)
    #expect(answer.value(of: "Set-Cookie")?.contains("Max-Age=0") == true)
    #expect(await visitor.get("/users").status == 303)
    #expect(visitor.sessions.with { $0.sessions.isEmpty })
  }

  @Test func failuresAreLimitedByAddress() async {
    let visitor = Visitor()
    for _ in 0..<10 { #expect(await visitor.signIn("tga_wrong_0123456789").status == 401) }
    let refused = await visitor.signIn()
    #expect(refused.status == 429 && refused.value(of: "Retry-After") == "60")
    #expect(visitor.sessions.with { $0.sessions.isEmpty })
  }

  @Test(
    arguments: [
      ("/users/u_1", "/users/u_1"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil", "/"),
      ("", "/"), ("/a b", "/"),
    ])
  func signingInLeadsOnToPagesOfOursAlone(next: String, target: String) async {
    let visitor = Visitor()
    let answer = await visitor.send("POST", "/sign-in", [("key", Bench.operatorKey), ("next", next)])
    #expect(answer.value(of: "Location") == "/sign-in?signed-in=1&next=\(Query.encode(target))")
    visitor.cookie = answer.value(of: "Set-Cookie")?.split(separator: ";").first.map(String.init)
    let onwards = await visitor.get("/sign-in?signed-in=1&next=\(Query.encode(next))")
    #expect(onwards.status == 303 && onwards.value(of: "Location") == target)
  }

  @Test func aLostCookieIsSaid() async {
    let answer = await Visitor().get("/sign-in?signed-in=1&next=%2F")
    #expect(answer.status == 200 && answer.text.contains("did not keep the session"))
  }
}
