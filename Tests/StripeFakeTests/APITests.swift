import StripeFake
import Testing

@Suite struct APITests {
  @Test func keysAreAskedFor() {
    var sandbox = StripeSandbox(Shop.open(), apiKey: "sk_test_mine")
    for (header, status) in [
      ("", 401), ("Bearer ", 401), ("Bearer sk_test_other", 401), ("Bearer sk_test_mine", 200),
      // `sk_test_mine:`
      ("Basic c2tfdGVzdF9taW5lOg==", 200), ("Basic !!", 401),
    ] {
      let response = sandbox.call("GET", "/v1/customers", headers: ["Authorization": header])
      #expect(response.status == status, "\(header)")
      #expect(response.header("Request-Id")?.hasPrefix("req_") == true)
    }
  }

  @Test func whatIsWrongIsSaidAndChangesNothing() {
    var sandbox = StripeSandbox(Shop.open())
    let customer = sandbox.account.makeCustomer(.init(card: nil))
    _ = sandbox.account.takeEvents()
    let session = "mode=subscription&success_url=https://x.example&line_items[0][quantity]=1"
    let cases: [(String, String, String, Int, String?, String?)] = [
      ("GET", "/v1/customers/cus_none", "", 404, "resource_missing", "id"),
      ("GET", "/v1/nothing", "", 404, nil, nil), ("PUT", "/v1/customers", "", 404, nil, nil),
      ("POST", "/v1/customers", "emial=a", 400, "parameter_unknown", "emial"),
      ("POST", "/v1/customers", "balance=x", 400, "parameter_invalid_integer", "balance"),
      ("GET", "/v1/customers?limit=101", "", 400, "parameter_invalid_integer", "limit"),
      ("GET", "/v1/customers?starting_after=cus_none", "", 400, "resource_missing", "starting_after"),
      ("POST", "/v1/customers", "expand[]=nothing", 400, nil, "expand"),
      ("POST", "/v1/subscriptions", "customer=\(customer)", 400, "parameter_missing", "items"),
      (
        "POST", "/v1/subscriptions", "customer=cus_none&items[0][price]=price_pro", 400, "resource_missing",
        "customer"
      ),
      (
        "POST", "/v1/subscriptions", "customer=\(customer)&items[0][price]=price_pack", 400, nil,
        "items[0][price]"
      ),
      (
        "POST", "/v1/subscriptions", "customer=\(customer)&items[0][price]=price_pro", 400,
        "resource_missing", nil
      ),
      (
        "POST", "/v1/subscriptions", "customer=\(customer)&items[0][price]=price_pro&items[0][x]=1", 400,
        "parameter_unknown", "items[0][x]"
      ),
      ("POST", "/v1/checkout/sessions", session, 400, "parameter_missing", "line_items[0][price]"),
      (
        "POST", "/v1/checkout/sessions", session + "&line_items[0][price]=price_pro&client_reference_id=a b",
        400, nil, "client_reference_id"
      ),
      ("POST", "/v1/checkout/sessions", session + "&line_items[0][price]=price_pack", 400, nil, nil),
      ("POST", "/v1/billing_portal/sessions", "", 400, "parameter_missing", "customer"),
      ("POST", "/v1/refunds", "charge=ch_none", 400, "resource_missing", "charge"),
      ("POST", "/v1/refunds", "", 400, "parameter_missing", nil),
      ("DELETE", "/v1/subscriptions/sub_none", "", 404, "resource_missing", "id"),
      ("GET", "/v1/invoices/upcoming?customer=\(customer)", "", 404, "invoice_upcoming_none", nil),
      ("GET", "/v1/subscriptions?status=strange", "", 400, nil, "status"),
    ]
    for (method, target, body, status, code, param) in cases {
      let response = sandbox.call(method, target, body)
      let error = response.json["error"]
      #expect(response.status == status, "\(method) \(target) \(body): \(response.json)")
      #expect(error["type"] == "invalid_request_error" && error["message"].string?.isEmpty == false)
      #expect(error["code"] == .text(code), "\(method) \(target) \(body): \(error)")
      #expect(error["param"] == .text(param), "\(method) \(target) \(body): \(error)")
    }
    #expect(sandbox.account.customers.count == 1 && sandbox.account.takeEvents().isEmpty)
  }

  @Test func idempotencyKeysReplay() {
    var sandbox = StripeSandbox(Shop.open())
    let first = sandbox.call("POST", "/v1/customers", "email=a", key: "k1")
    let again = sandbox.call("POST", "/v1/customers", "email=a", key: "k1")
    #expect(first.json == again.json && sandbox.account.customers.count == 1)
    #expect(again.header("Idempotent-Replayed") == "true" && first.header("Idempotent-Replayed") == nil)
    #expect(again.header("Original-Request") == first.header("Request-Id"))
    let other = sandbox.call("POST", "/v1/customers", "email=b", key: "k1")
    #expect(other.status == 400 && other.json["error"]["type"] == "idempotency_error")
    // What was refused for its parameters may come again, mended.
    #expect(sandbox.call("POST", "/v1/customers", "emial=a", key: "k2").status == 400)
    #expect(sandbox.call("POST", "/v1/customers", "email=a", key: "k2").status == 200)
    sandbox.account.advance(hours: 25)
    #expect(sandbox.call("POST", "/v1/customers", "email=b", key: "k1").status == 200)
    #expect(sandbox.account.customers.count == 3)
  }

  @Test func oneAtATimePerKey() {
    var sandbox = StripeSandbox(Shop.open())
    sandbox.faults = [InjectedFault(.slow(50), method: "POST")]
    let request = APIRequest(
      "POST", "/v1/customers", headers: ["Authorization": "Bearer sk_test_1", "Idempotency-Key": "k"],
      body: "email=a")
    guard case .run(let ticket, let milliseconds) = sandbox.admit(request) else {
      Issue.record("not let in")
      return
    }
    #expect(milliseconds == 50)
    let second = sandbox.call("POST", "/v1/customers", "email=a", key: "k")
    #expect(second.status == 409 && second.json["error"]["code"] == "idempotency_key_in_use")
    #expect(sandbox.run(ticket)?.status == 200)
    #expect(
      sandbox.call("POST", "/v1/customers", "email=a", key: "k").header("Idempotent-Replayed") == "true")
    #expect(sandbox.account.customers.count == 1)
  }

  @Test func faultsHappenAsOftenAsTheyAreAskedFor() {
    var sandbox = StripeSandbox(Shop.open())
    sandbox.faults = [
      InjectedFault(.error(status: 503), count: 2, pathPrefix: "/v1/customers", shouldRetry: true),
      InjectedFault(.lostReply, method: "POST"), InjectedFault(.dropped, method: "DELETE"),
    ]
    #expect(sandbox.call("GET", "/v1/prices").status == 200)
    for _ in 0..<2 {
      let failed = sandbox.call("POST", "/v1/customers", "email=a", key: "k")
      #expect(failed.status == 503 && failed.header("Stripe-Should-Retry") == "true")
      #expect(failed.json["error"]["type"] == "api_error")
    }
    #expect(sandbox.call("POST", "/v1/customers", "email=a", key: "k").status == 0)
    #expect(sandbox.account.customers.count == 1)
    let again = sandbox.call("POST", "/v1/customers", "email=a", key: "k")
    #expect(again.status == 200 && again.header("Idempotent-Replayed") == "true")
    let id = again.json["id"].string ?? ""
    #expect(sandbox.call("DELETE", "/v1/customers/\(id)").status == 0)
    #expect(sandbox.call("DELETE", "/v1/customers/\(id)").json["deleted"] == true)
    sandbox.faults = [InjectedFault(.error(status: 500, remembers: true))]
    for _ in 0..<2 { #expect(sandbox.call("POST", "/v1/customers", "email=z", key: "k5").status == 500) }
    sandbox.isRateLimited = true
    let limited = sandbox.call("GET", "/v1/prices")
    #expect(limited.status == 429 && limited.json["error"]["code"] == "rate_limit")
  }

  @Test func pagesAreWholeAndNewestFirst() throws {
    var sandbox = StripeSandbox(Shop.open())
    let made = (0..<25).map { _ in
      sandbox.account.advance(seconds: 10)
      return sandbox.account.makeCustomer()
    }
    var seen: [String] = []
    var target = "/v1/customers?limit=10"
    while true {
      let page = sandbox.call("GET", target)
      seen += page.json.array.compactMap { $0["id"].string }
      guard page.json["has_more"] == true else { break }
      target = "/v1/customers?limit=10&starting_after=\(try #require(seen.last))"
    }
    #expect(seen == made.reversed())
    let back = sandbox.call("GET", "/v1/customers?limit=3&ending_before=\(made[10])")
    #expect(back.json.array.compactMap { $0["id"].string } == [made[13], made[12], made[11]])
    #expect(back.json["has_more"] == true)
    let since = Shop.start + 10 * 20
    let late = sandbox.call("GET", "/v1/customers?created[gte]=\(since)&created[lt]=\(since + 30)")
    #expect(late.json.array.compactMap { $0["id"].string } == [made[21], made[20], made[19]])
  }

  @Test func subscriptionsAreListedByStatus() throws {
    var sandbox = StripeSandbox(Shop.open())
    let first = try sandbox.account.signUp(email: "a@example.com", price: "price_pro").subscription
    let second = try sandbox.account.signUp(email: "b@example.com", price: "price_basic").subscription
    try sandbox.account.cancel(first)
    func ids(_ query: String) -> [String] {
      sandbox.call("GET", "/v1/subscriptions\(query)").json.array.compactMap { $0["id"].string }
    }
    #expect(ids("") == [second] && ids("?status=all") == [second, first])
    #expect(ids("?status=canceled") == [first] && ids("?status=ended") == [first])
    #expect(ids("?price=price_pro") == [] && ids("?price=price_pro&status=all") == [first])
  }

  @Test func undeliveredEventsAreListed() throws {
    var sandbox = StripeSandbox(Shop.open())
    _ = try sandbox.account.signUp(email: "a@example.com", price: "price_pro")
    let events = sandbox.account.events.all
    let paid = try #require(events.first { $0.type == "invoice.paid" })
    sandbox.undelivered = [paid.id, try #require(events.first { $0.type == "charge.succeeded" }).id]
    func ids(_ query: String) -> [String] {
      sandbox.call("GET", "/v1/events?limit=100&\(query)").json.array.compactMap { $0["id"].string }
    }
    #expect(ids("delivery_success=false").count == 2)
    #expect(ids("delivery_success=true").count == events.count - 2)
    #expect(ids("delivery_success=false&types[]=invoice.paid&types[]=invoice.payment_succeeded") == [paid.id])
    #expect(ids("type=invoice.*").count == events.filter { $0.type.hasPrefix("invoice.") }.count)
    #expect(ids("created[gte]=\(Shop.start + 1)") == [])
    sandbox.account.advance(days: 6)
    #expect(ids("").count == events.count)
    sandbox.account.advance(days: 25)
    #expect(!ids("").contains(paid.id))
  }

  @Test func fieldsAreExpanded() throws {
    var sandbox = StripeSandbox(Shop.open())
    let (customer, id, _) = try sandbox.account.signUp(email: "a@example.com", price: "price_pro")
    let got = sandbox.call(
      "GET", "/v1/subscriptions/\(id)?expand[]=latest_invoice.charge&expand[]=customer",
      headers: ["Stripe-Version": "2024-06-20"])
    #expect(got.json["latest_invoice"]["charge"]["paid"] == true)
    #expect(got.json["customer"]["id"] == .string(customer))
    let list = sandbox.call("GET", "/v1/subscriptions?expand[]=data.latest_invoice")
    #expect(list.json["data"][0]["latest_invoice"]["status"] == "paid")
    let basil = sandbox.call("GET", "/v1/subscriptions/\(id)?expand[]=latest_invoice.charge")
    #expect(basil.status == 400, "since basil an invoice has no charge")
  }

  @Test func metadataIsMergedAndCleared() throws {
    var sandbox = StripeSandbox(Shop.open())
    let made = sandbox.call("POST", "/v1/customers", "metadata[a]=1&metadata[b]=2")
    let path = "/v1/customers/\(try #require(made.json["id"].string))"
    #expect(
      sandbox.call("POST", path, "metadata[b]=&metadata[c]=3").json["metadata"] == ["a": "1", "c": "3"])
    #expect(sandbox.call("POST", path, "metadata=").json["metadata"] == [:])
  }
}
