/// The customer portal: a customer's own subscriptions.
enum PortalPage {
  static func html(_ visit: StripeAccount.PortalSession, _ account: StripeAccount, _ tokens: FormTokens)
    -> PageResponse
  {
    let path = PortalPage.path(visit)
    let mine = account.subscriptions.all.filter { $0.customer == visit.customer }
    let rows = mine.reversed().map { subscription in
      [
        "<code>\(Page.escape(subscription.id))</code>",
        Page.escape(subscription.items.map { "\($0.quantity) × \($0.price.id)" }.joined(separator: ", ")),
        Page.escape(state(subscription)), buttons(subscription, path, account, tokens),
      ]
    }
    let invoices = account.invoices.all.filter { $0.customer == visit.customer }.suffix(24).reversed().map {
      [
        Page.escape($0.number ?? $0.id), Page.escape(BillingCalendar.text($0.created)),
        Page.escape(StripeAccount.money($0.total, $0.currency)), Page.escape($0.status.rawValue),
      ]
    }
    let back =
      visit.returnURL.map { "<p><a href=\"\(Page.escape($0))\">Back</a></p>" } ?? ""
    return Page.html(
      "Your subscriptions",
      """
      \(back)
      \(Page.table(["Subscription", "Plan", "State", ""], Array(rows)))
      <h2>Invoices</h2>
      \(Page.table(["Number", "Date", "Sum", "State"], Array(invoices)))
      """)
  }

  private static func state(_ subscription: StripeAccount.Subscription) -> String {
    let end = BillingCalendar.text(subscription.cancelAt ?? subscription.periodEnd)
    if subscription.isOver { return subscription.status.rawValue }
    return subscription.cancelAt == nil
      ? "\(subscription.status.rawValue), renews \(end)" : "\(subscription.status.rawValue), ends \(end)"
  }

  private static func buttons(
    _ subscription: StripeAccount.Subscription, _ path: String, _ account: StripeAccount, _ tokens: FormTokens
  ) -> String {
    guard !subscription.isOver else { return "" }
    func button(_ label: String, _ action: String, _ price: String = "") -> String {
      let fields = [
        (name: "action", value: action), (name: "subscription", value: subscription.id),
        (name: "price", value: price),
      ]
      return Button(label, path, fields, tokens).html
    }
    var all = [button("Cancel now", "cancel_now")]
    if subscription.cancelAt == nil {
      all.insert(button("Cancel at the end", "cancel_at_end"), at: 0)
      all.append(button("Cancel at the end (date only)", "cancel_at_date"))
    } else {
      all.insert(button("Keep it after all", "reactivate"), at: 0)
    }
    for price in account.prices.all
    where price.interval != nil && price.isActive && price.id != subscription.price?.id {
      all.append(button("Change to \(price.id)", "change", price.id))
    }
    return all.joined(separator: " ")
  }

  static func submit(
    _ visit: StripeAccount.PortalSession, _ form: inout Parameters, _ account: inout StripeAccount
  ) -> PageResponse {
    do {
      let action = try form.required("action")
      let id = try form.required("subscription")
      let price = try form.text("price") ?? ""
      guard let subscription = account.subscriptions[id], subscription.customer == visit.customer else {
        return Page.notFound("subscription")
      }
      switch action {
      case "cancel_now": try account.cancel(id)
      case "cancel_at_end": try account.cancelAtPeriodEnd(id)
      case "cancel_at_date": try account.cancelAtPeriodEnd(id, byDateAlone: true)
      case "reactivate": try account.reactivate(id)
      case "change": try account.update(id, .init(price: price, proration: .always))
      default: return Page.html("Portal", "<p>There is no such button.</p>", status: 400)
      }
      return .redirect(path(visit))
    } catch {
      return Page.html(
        "Portal",
        "<p>\(Page.escape(error.message))</p><p><a href=\"\(Page.escape(path(visit)))\">Back</a></p>",
        status: 400)
    }
  }

  private static func path(_ visit: StripeAccount.PortalSession) -> String {
    "/p/session/\(visit.url.split(separator: "/").last ?? "")"
  }
}
