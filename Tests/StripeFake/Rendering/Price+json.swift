extension StripeAccount.Price {
  var json: JSON {
    [
      "id": .string(id), "object": "price", "active": .bool(isActive), "billing_scheme": "per_unit",
      "created": .int(created), "currency": .string(currency), "custom_unit_amount": nil, "livemode": false,
      "lookup_key": nil, "metadata": .texts(metadata), "nickname": .text(nickname),
      "product": .string(product),
      "recurring": interval.map { interval in
        [
          "aggregate_usage": nil, "interval": .string(interval.rawValue),
          "interval_count": .int(intervalCount), "meter": nil, "trial_period_days": nil,
          "usage_type": "licensed",
        ]
      } ?? .null,
      "tax_behavior": "unspecified", "tiers_mode": nil, "transform_quantity": nil,
      "type": .string(interval == nil ? "one_time" : "recurring"), "unit_amount": .int(amount),
      "unit_amount_decimal": .string("\(amount)"),
    ]
  }

  /// The same as what came before prices; null for what doesn't recur.
  var planJSON: JSON {
    guard let interval else { return .null }
    return [
      "id": .string(id), "object": "plan", "active": .bool(isActive), "aggregate_usage": nil,
      "amount": .int(amount), "amount_decimal": .string("\(amount)"), "billing_scheme": "per_unit",
      "created": .int(created), "currency": .string(currency), "interval": .string(interval.rawValue),
      "interval_count": .int(intervalCount), "livemode": false, "metadata": .texts(metadata),
      "nickname": .text(nickname), "product": .string(product), "tiers_mode": nil, "transform_usage": nil,
      "trial_period_days": nil, "usage_type": "licensed",
    ]
  }
}

extension StripeAccount.Product {
  var json: JSON {
    [
      "id": .string(id), "object": "product", "active": .bool(isActive), "created": .int(created),
      "default_price": nil, "description": .text(description), "images": [], "livemode": false,
      "metadata": .texts(metadata), "name": .string(name), "tax_code": nil, "type": "service",
      "unit_label": nil, "updated": .int(created), "url": nil,
    ]
  }
}
