extension StripeAccount.Subscription {
  func json(_ shape: PayloadShape) -> JSON {
    var json: JSON = [
      "id": .string(id), "object": "subscription", "application": nil, "application_fee_percent": nil,
      "automatic_tax": ["enabled": false, "liability": nil],
      "billing_cycle_anchor": .int(billingCycleAnchor), "cancel_at": .number(cancelAt),
      "cancel_at_period_end": .bool(cancelAtPeriodEnd), "canceled_at": .number(canceledAt),
      "cancellation_details": ["comment": nil, "feedback": nil, "reason": .text(cancellationReason)],
      "collection_method": .string(sendsInvoice ? "send_invoice" : "charge_automatically"),
      "created": .int(created), "currency": .string(currency),
    ]
    if shape.hasOld {
      json["current_period_end"] = .int(periodEnd)
      json["current_period_start"] = .int(periodStart)
    }
    json["customer"] = .string(customer)
    json["days_until_due"] = .number(daysUntilDue)
    json["default_payment_method"] = .null
    json["description"] = .text(description)
    json["discounts"] = []
    json["ended_at"] = .number(endedAt)
    json["items"] = .list(
      items.map { itemJSON($0, shape) }, url: "/v1/subscription_items?subscription=\(id)",
      total: items.count)
    json["latest_invoice"] = .text(latestInvoice)
    json["livemode"] = false
    json["metadata"] = .texts(metadata)
    json["next_pending_invoice_item_invoice"] = .null
    json["pause_collection"] =
      pause.map {
        ["behavior": .string($0.behavior.rawValue), "resumes_at": .number($0.resumesAt)]
      } ?? .null
    json["pending_setup_intent"] = .null
    json["pending_update"] = .null
    if shape.hasOld, items.count == 1 { json["plan"] = items[0].price.planJSON }
    if items.count == 1 { json["quantity"] = .int(items[0].quantity) }
    json["schedule"] = .null
    json["start_date"] = .int(created)
    json["status"] = .string(status.rawValue)
    json["test_clock"] = .null
    json["trial_end"] = .number(trialEnd)
    json["trial_settings"] = [
      "end_behavior": ["missing_payment_method": .string(atTrialEnd.rawValue)]
    ]
    json["trial_start"] = .number(trialStart)
    return json
  }

  private func itemJSON(_ item: Item, _ shape: PayloadShape) -> JSON {
    var json: JSON = [
      "id": .string(item.id), "object": "subscription_item", "billing_thresholds": nil,
      "created": .int(item.created),
    ]
    if shape.hasNew {
      json["current_period_end"] = .int(periodEnd)
      json["current_period_start"] = .int(periodStart)
    }
    json["discounts"] = []
    json["metadata"] = .texts(item.metadata)
    json["plan"] = item.price.planJSON
    json["price"] = item.price.json
    json["quantity"] = .int(item.quantity)
    json["subscription"] = .string(id)
    json["tax_rates"] = []
    return json
  }
}
