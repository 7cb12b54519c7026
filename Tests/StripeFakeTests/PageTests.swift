import StripeFake
import Testing

@Suite struct PageTests {
  let tokens = FormTokens(key: [1, 2, 3])

  private func html(_ page: PageResponse, _ status: Int = 200) -> String {
    guard case .html(let code, let text) = page else {
      Issue.record("no page: \(page)")
      return ""
    }
    #expect(code == status)
    return text
  }

  private func post(_ sandbox: inout StripeSandbox, _ path: String, _ fields: String) -> PageResponse {
    sandbox.page("POST", path, body: "\(fields)&token=\(tokens.token(path))", tokens: tokens)
  }

  @Test func checkoutIsPaidOnce() throws {
    var sandbox = StripeSandbox(Shop.open())
    var new = StripeAccount.NewSession(.subscription, price: "price_pro", email: "<b>@example.com")
    new.successURL = "https://app.example.com/done?s={CHECKOUT_SESSION_ID}"
    new.cancelURL = "https://app.example.com/back"
    let id = try sandbox.account.openCheckout(new)
    let path = "/c/pay/\(id)"
    let page = html(sandbox.page("GET", path, body: "", tokens: tokens))
    #expect(page.contains("$20.00 / month") && page.contains("&lt;b&gt;@example.com"))
    #expect(!page.contains("<b>@"))
    _ = html(sandbox.page("POST", path, body: "action=pay", tokens: tokens), 403)
    _ = html(sandbox.page("POST", path, body: "action=pay&token=\(tokens.token("/"))", tokens: tokens), 403)
    #expect(sandbox.account.subscriptions.count == 0)
    #expect(post(&sandbox, path, "action=cancel") == .redirect("https://app.example.com/back"))
    _ = html(post(&sandbox, path, "action=decline"), 402)
    #expect(post(&sandbox, path, "action=pay") == .redirect("https://app.example.com/done?s=\(id)"))
    _ = html(post(&sandbox, path, "action=pay"), 400)
    _ = html(sandbox.page("GET", path, body: "", tokens: tokens), 410)
    #expect(sandbox.account.subscriptions.all.map(\.status) == [.active])
  }

  @Test func thePortalIsTheCustomersOwn() throws {
    var sandbox = StripeSandbox(Shop.open())
    let (customer, id, _) = try sandbox.account.signUp(email: "a@example.com", price: "price_pro")
    let other = try sandbox.account.signUp(email: "b@example.com", price: "price_pro").subscription
    let visit = try sandbox.account.openPortal(customer, returnURL: "https://app.example.com/")
    let url = try #require(sandbox.account.portalSessions[visit]).url
    let path = String(url.dropFirst(sandbox.account.settings.pageBase.count))
    let page = html(sandbox.page("GET", path, body: "", tokens: tokens))
    #expect(page.contains(id) && !page.contains(other) && page.contains("https://app.example.com/"))
    _ = html(post(&sandbox, path, "action=cancel_now&subscription=\(other)"), 404)
    #expect(sandbox.account.subscriptions[other]?.status == .active)
    for (action, isScheduled, isFlag) in [
      ("cancel_at_end", true, true), ("reactivate", false, false), ("cancel_at_date", true, false),
      ("reactivate", false, false),
    ] {
      #expect(post(&sandbox, path, "action=\(action)&subscription=\(id)") == .redirect(path))
      #expect((sandbox.account.subscriptions[id]?.cancelAt != nil) == isScheduled)
      #expect(sandbox.account.subscriptions[id]?.cancelAtPeriodEnd == isFlag)
    }
    _ = post(&sandbox, path, "action=change&subscription=\(id)&price=price_basic")
    #expect(sandbox.account.subscriptions[id]?.price == "price_basic")
    _ = html(post(&sandbox, path, "action=change&subscription=\(id)&price=price_none"), 400)
    _ = post(&sandbox, path, "action=cancel_now&subscription=\(id)")
    #expect(sandbox.account.subscriptions[id]?.status == .canceled)
    _ = html(sandbox.page("GET", "/p/session/none", body: "", tokens: tokens), 404)
  }

  @Test func theControlPageMovesTheClock() throws {
    var sandbox = StripeSandbox(Shop.open())
    sandbox.webhooks = WebhookQueue(endpoints: [WebhookEndpoint("http://gate", secrets: ["whsec_x1y2"])])
    let (customer, id, _) = try sandbox.account.signUp(email: "a@example.com", price: "price_pro")
    _ = sandbox.takeDeliveries(realNow: 1_900_000_000)
    let page = html(sandbox.page("GET", "/", body: "", tokens: tokens))
    #expect(page.contains(customer) && page.contains("invoice.payment_succeeded") && page.contains("Resend"))
    #expect(post(&sandbox, "/control/fail", "customer=\(customer)") == .redirect("/"))
    #expect(post(&sandbox, "/control/advance", "months=1") == .redirect("/"))
    #expect(post(&sandbox, "/control/advance", "hours=1") == .redirect("/"))
    #expect(sandbox.account.subscriptions[id]?.status == .pastDue)
    #expect(post(&sandbox, "/control/recover", "customer=\(customer)") == .redirect("/"))
    #expect(sandbox.account.subscriptions[id]?.status == .active)
    let event = sandbox.account.events.ids[0]
    #expect(post(&sandbox, "/control/resend", "event=\(event)") == .redirect("/"))
    #expect(sandbox.webhooks.deliveries(of: event).count == 2)
    _ = html(post(&sandbox, "/control/advance", "days=-1"), 400)
    _ = html(post(&sandbox, "/control/nothing", "a=1"), 404)
    let request = APIRequest("POST", "/control/v1/advance", headers: [:], body: "days=1")
    #expect(sandbox.control(request).status == 401)
  }
}

extension StripeAccount.Subscription {
  /// The id of its only price.
  var price: String? { items.first?.price.id }
}
