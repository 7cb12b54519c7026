import AdminAPI
import Gate
import Testing

/// What is the same for every call: ids, problems, paths, methods, sizes.
@Suite struct RoutingTests {
  @Test func requestIDsAreKeptWhenSane() async {
    let bench = Bench()
    for (given, isKept) in [("abc-1_2.3:4", true), ("", false), ("a b", false), ("é", false)] {
      let answer = await bench.gate("GET", "/livez", "", [("x-request-id", given)])
      #expect((answer.value(of: "X-Request-Id") == given) == isKept)
      #expect(answer.value(of: "X-Request-Id")?.isEmpty == false)
    }
    let long = await bench.gate("GET", "/nowhere", "", [("X-Request-Id", String(repeating: "a", count: 129))])
    #expect(long.value(of: "X-Request-Id")?.hasPrefix("req_") == true)
  }

  @Test func problemsAreComplete() async {
    let answer = await Bench().gate("GET", "/nowhere")
    #expect(answer.status == 404)
    #expect(answer.value(of: "Content-Type") == "application/problem+json")
    #expect(answer.json["type"] == .string("\(ProblemCode.docsBaseDefault)/problems.md#not_found"))
    #expect(answer.json["status"] == 404 && answer.json["code"] == "not_found")
    #expect(answer.json["title"] == "Not found")
  }

  @Test(arguments: [
    ("DELETE", "/v1/tokens", "GET, HEAD, POST"), ("PUT", "/v1/billing/portal", "POST"),
    ("GET", "/v1/check", "POST"), ("GET", "/v1/reservations/rsv_1/settle", "POST"),
    ("GET", "/webhooks/stripe", "POST"), ("BREW", "/livez", "GET, HEAD"),
  ])
  func wrongMethodIs405(method: String, target: String, allow: String) async {
    let answer = await Bench().gate(method, target)
    #expect(answer.status == 405 && answer.code == "method_not_allowed")
    #expect(answer.value(of: "Allow") == allow)
  }

  @Test(arguments: [
    "", "*", "/", "//", "/livez/", "/v1/tokens/", "/v1/tokens//", "/V1/tokens", "/v1/tokens/%zz",
  ])
  func strangePathsAre404(path: String) async {
    let answer = await Bench().gate("DELETE", path, "", [Bench.asService, Bench.on("u_1")])
    #expect(answer.status == 404 || answer.status == 405)
  }

  @Test func headHasNoBody() async throws {
    let answer = await Bench().gate("HEAD", "/livez")
    #expect(answer.status == 200)
    #expect(try await answer.body.collected().isEmpty)
  }

  @Test func storesThatAreAwayAre503() async {
    let bench = Bench()
    bench.accounts.with { $0.failure = .unavailable("host=db password=hunter2") }
    let answer = await bench.admin("GET", "/admin/v1/users/u_1")
    #expect(answer.status == 503 && answer.code == "store_unavailable")
    #expect(answer.value(of: "Retry-After") == "1")
    #expect(!String(decoding: answer.json.bytes, as: UTF8.self).contains("hunter2"))
    bench.accounts.with { $0.failure = .internalError("SELECT secret") }
    let defect = await bench.admin("GET", "/admin/v1/users/u_1")
    #expect(defect.status == 500 && defect.code == "internal_error")
    #expect(!String(decoding: defect.json.bytes, as: UTF8.self).contains("SELECT"))
    bench.accounts.with { $0.failure = .conflict("the email is taken") }
    let taken = await bench.admin("PUT", "/admin/v1/users/u_1")
    #expect(taken.status == 409 && taken.json["detail"] == "The email is taken.")
    bench.accounts.with { $0.failure = .notFound("user") }
    let unknown = await bench.admin("GET", "/admin/v1/users/u_1")
    #expect(unknown.status == 404 && unknown.json["detail"] == "There is no such user.")
    bench.accounts.with { $0.failure = .invalid(field: "cursor", message: "is not one") }
    #expect(await bench.admin("GET", "/admin/v1/users?cursor=x").fields == ["cursor"])
  }

  @Test func largeBodiesAre413() async {
    let body = String(repeating: " ", count: 65_537)
    #expect(await Bench().admin("PUT", "/admin/v1/users/u_1", body).status == 413)
    #expect(Bench().gate.bodyBytesMax(path: "/webhooks/stripe") == 1_048_576)
    #expect(Bench().gate.bodyBytesMax(path: "/v1/tokens") == 65_536)
  }

  @Test func routesWithoutHooksDoNotExist() async {
    let bench = Bench(hooks: ControlHooks())
    for path in ["/admin/v1/stats", "/admin/v1/budgets", "/metrics", "/openapi.json"] {
      #expect(await bench.admin("GET", path).status == 404)
    }
    #expect(await bench.gate("POST", "/webhooks/stripe").code == "stripe_not_configured")
    #expect(await bench.gate("GET", "/readyz").status == 200)
  }
}
