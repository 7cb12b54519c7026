import AdminAPI
import Gate
import Testing

/// The cold calls of the gate's own listener.
@Suite struct GateRouteTests {
  @Test func aBackendIssuesAndRevokesTokens() async {
    let bench = Bench()
    let issued = await bench.gate("POST", "/v1/tokens", #"{"user":"u_1","label":"x"}"#, [Bench.asService])
    #expect(issued.status == 201 && issued.json["user"] == "u_1")
    let headers = [Bench.asService, Bench.on("u_1")]
    #expect(await bench.gate("POST", "/v1/tokens", "", headers).status == 201)
    #expect(await bench.gate("GET", "/v1/tokens", "", headers).status == 200)
    #expect(await bench.gate("DELETE", "/v1/tokens/tok_9", #"{"user":"u_2"}"#, headers).status == 400)
    let other = [Bench.asService, Bench.on("u_2")]
    #expect(await bench.gate("DELETE", "/v1/tokens/tok_9", "", other).status == 404)
    #expect(await bench.gate("DELETE", "/v1/tokens/tok_9", "", headers).status == 204)
    #expect(await bench.gate("DELETE", "/v1/tokens/tok_9", "", headers).status == 404)
    #expect(await bench.gate("POST", "/v1/tokens", #"{"user":"u_9"}"#, [Bench.asService]).status == 404)
  }

  @Test func theOwnBudgetHasAnETag() async {
    let bench = Bench()
    let first = await bench.gate("GET", "/v1/budget", "", [Bench.asUser])
    #expect(first.status == 200 && first.json["budget"]?["remaining"] == 60)
    #expect(first.json["rate"]?["requests"]?["window_s"] == 60)
    let tag = first.value(of: "ETag") ?? ""
    let again = await bench.gate(
      "GET", "/v1/budget", "", [Bench.asUser, ("If-None-Match", "\"x\", W/\(tag)")])
    #expect(again.status == 304)
    let missing = await bench.gate("GET", "/v1/budget", "", [Bench.asService, Bench.on("u_none")])
    #expect(missing.status == 404)
  }

  @Test func billingNeedsStripe() async {
    let bench = Bench()
    for (method, path, body) in [
      ("POST", "/v1/billing/checkout", #"{"plan":"pro"}"#), ("POST", "/v1/billing/portal", ""),
      ("POST", "/v1/billing/reactivate", ""), ("GET", "/v1/billing/invoices", ""),
      ("GET", "/v1/billing/upcoming", ""),
    ] {
      let answer = await bench.gate(method, path, body, [Bench.asUser])
      #expect(answer.status == 503 && answer.code == "stripe_not_configured")
    }
    #expect(await bench.gate("GET", "/v1/billing/links", "", [Bench.asUser]).status == 200)
  }

  @Test func billingAnswers() async {
    var hooks = ControlHooks()
    hooks.billing = BillingFake()
    let bench = Bench(hooks: hooks)
    let user = [Bench.asUser]
    #expect(await bench.gate("GET", "/v1/billing/status", "", user).json["plan_active"] == true)
    let sold = await bench.gate("POST", "/v1/billing/checkout", #"{"price":"price_1","seats":3}"#, user)
    #expect(sold.json["url"] == "https://stripe.example/3")
    #expect(await bench.gate("POST", "/v1/billing/portal", "", user).status == 409)
    let failed = await bench.gate("POST", "/v1/billing/reactivate", "{}", user)
    #expect(failed.status == 502 && !String(decoding: failed.json.bytes, as: UTF8.self).contains("sk_live"))
    #expect(await bench.gate("GET", "/v1/billing/upcoming", "", user).json["invoice"] == .null)
    #expect(await bench.gate("GET", "/v1/billing/invoices", "", user).status == 200)
    for body in [
      "{}", #"{"plan":"gold"}"#, #"{"plan":"pro","price":"p"}"#, #"{"plan":"pro","mode":"payment"}"#,
      #"{"price":"p","interval":"year"}"#, #"{"price":"price_unknown"}"#, #"{"plan":"pro","seats":0}"#,
    ] {
      #expect(await bench.gate("POST", "/v1/billing/checkout", body, user).status == 400)
    }
    let portal = await bench.gate("POST", "/v1/billing/portal", #"{"return_url":"javascript:1"}"#, user)
    #expect(portal.fields == ["return_url"])
  }

  @Test func webhooks() async {
    let bench = Bench()
    let good = [(name: "Stripe-Signature", value: "good")]
    #expect(await bench.gate("POST", "/webhooks/stripe", "{}", good).json["received"] == true)
    #expect(await bench.gate("POST", "/webhooks/stripe", "", good).code == "payload_invalid")
    #expect(await bench.gate("POST", "/webhooks/stripe", "{}").code == "signature_invalid")
    #expect(await bench.gate("POST", "/webhooks/stripe", "{}", good + good).status == 400)
    let bad = await bench.gate("POST", "/webhooks/stripe", "{}", [("Stripe-Signature", "bad")])
    #expect(bad.status == 400 && bad.code == "signature_invalid")
    let large = String(repeating: "x", count: 1_048_577)
    #expect(await bench.gate("POST", "/webhooks/stripe", large, good).status == 413)
  }

  @Test func readinessTellsItsParts() async {
    var hooks = ControlHooks()
    hooks.readiness = {
      let redis = Readiness.Component(name: "redis", isUp: false, details: [.init("lag_s", 3)])
      return Readiness(isReady: false, components: [redis])
    }
    let answer = await Bench(hooks: hooks).gate("GET", "/readyz")
    #expect(answer.status == 503)
    #expect(answer.json["components"]?["redis"] == ["status": "down", "lag_s": 3])
  }
}
