/// The page of whoever runs the fake: its clock, what is in the account, what was delivered.
enum ControlPage {
  private static let eventsShown = 100
  private static let rowsShown = 50

  static func html(_ sandbox: StripeSandbox, _ tokens: FormTokens) -> PageResponse {
    let account = sandbox.account
    func button(_ label: String, _ action: String, _ fields: [(name: String, value: String)] = []) -> String {
      Button(label, "/control/\(action)", fields, tokens).html
    }
    let customers = account.customers.all.suffix(rowsShown).reversed().map { customer in
      let id = [(name: "customer", value: customer.id)]
      let buttons = [
        button("Fail next payments", "fail", id), button("Recover", "recover", id),
        button("Portal", "portal", id),
      ]
      return [
        "<code>\(Page.escape(customer.id))</code>", Page.escape(customer.email ?? ""),
        customer.isDeleted ? "deleted" : customer.nextPayments.isEmpty ? "" : "payments fail",
        customer.isDeleted ? "" : buttons.joined(separator: " "),
      ]
    }
    let subscriptions = account.subscriptions.all.suffix(rowsShown).reversed().map { subscription in
      [
        "<code>\(Page.escape(subscription.id))</code>", "<code>\(Page.escape(subscription.customer))</code>",
        Page.escape(subscription.items.map { "\($0.quantity) × \($0.price.id)" }.joined(separator: ", ")),
        Page.escape(subscription.status.rawValue),
        "\(Page.escape(BillingCalendar.text(subscription.periodStart))) –<br>"
          + Page.escape(BillingCalendar.text(subscription.periodEnd)),
      ]
    }
    return Page.html(
      "Stripe account",
      """
      <p>Clock: \(Page.escape(BillingCalendar.text(account.now))) UTC
      \(button("Advance 1 hour", "advance", [("hours", "1")]))
      \(button("Advance 1 day", "advance", [("days", "1")]))
      \(button("Advance 1 month", "advance", [("months", "1")]))</p>
      <p>API: \(button("The next 3 calls fail", "faults"))
      \(button(sandbox.isRateLimited ? "Answer again" : "Answer 429 from now on", "limit"))</p>
      <h2>Customers</h2>
      \(Page.table(["Customer", "Email", "State", ""], customers))
      <h2>Subscriptions</h2>
      \(Page.table(["Subscription", "Customer", "Plan", "State", "Period"], subscriptions))
      <h2>Events</h2>
      \(events(sandbox, tokens))
      """)
  }

  private static func events(_ sandbox: StripeSandbox, _ tokens: FormTokens) -> String {
    let byEvent = Dictionary(grouping: sandbox.webhooks.deliveries, by: \.event)
    let rows = sandbox.account.events.all.suffix(eventsShown).reversed().map { event in
      let deliveries = byEvent[event.id] ?? []
      return [
        Page.escape(BillingCalendar.text(event.created)), Page.escape(event.type),
        "<code>\(Page.escape(event.id))</code><br><code>\(Page.escape(event.object.id))</code>",
        Page.escape(deliveries.map(words).joined(separator: "; ")),
        deliveries.isEmpty
          ? "" : Button("Resend", "/control/resend", [("event", event.id)], tokens).html,
      ]
    }
    return Page.table(["Time", "Type", "Event and object", "Delivery", ""], rows)
  }

  private static func words(_ delivery: WebhookQueue.Delivery) -> String {
    let attempts = delivery.attempts.map { attempt in
      switch attempt.outcome {
      case .status(let status): "\(status)"
      case .noAnswer: "no answer"
      case .dropped: "dropped"
      }
    }
    let state =
      switch delivery.state {
      case .waiting: "waits until \(BillingCalendar.text(delivery.due))"
      case .sending: "is being sent"
      case .delivered: "delivered"
      case .givenUp: "given up"
      }
    return attempts.isEmpty ? state : "\(state) (\(attempts.joined(separator: ", ")))"
  }

  static func submit(_ action: String, _ form: inout Parameters, _ sandbox: inout StripeSandbox)
    -> PageResponse
  {
    do {
      let answer = try ControlActions.perform(action, &form, &sandbox)
      guard let answer else { return Page.notFound("button") }
      return .redirect(answer["url"].string ?? "/")
    } catch {
      return Page.html(
        "Not done", "<p>\(Page.escape(error.message))</p><p><a href=\"/\">Back</a></p>", status: 400)
    }
  }
}
