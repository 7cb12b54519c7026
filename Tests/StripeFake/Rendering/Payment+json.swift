extension StripeAccount.PaymentIntent {
  func json(_ shape: PayloadShape) -> JSON {
    let isPaid = status == .succeeded
    var json: JSON = [
      "id": .string(id), "object": "payment_intent", "amount": .int(amount), "amount_capturable": 0,
      "amount_received": .int(isPaid ? amount : 0), "canceled_at": nil, "capture_method": "automatic",
      "client_secret": .string("\(id)_secret_test"), "confirmation_method": "automatic",
      "created": .int(created), "currency": .string(currency), "customer": .text(customer),
      "description": nil,
    ]
    if shape.hasOld { json["invoice"] = .text(invoice) }
    json["last_payment_error"] =
      declineCode.map {
        [
          "charge": .text(latestCharge), "code": "card_declined", "decline_code": .string($0),
          "message": "Your card was declined.", "type": "card_error",
        ]
      } ?? .null
    json["latest_charge"] = .text(latestCharge)
    json["livemode"] = false
    json["metadata"] = .texts(metadata)
    json["next_action"] = status == .requiresAction ? ["type": "use_stripe_sdk"] : .null
    json["payment_method_types"] = ["card"]
    json["status"] = .string(status.rawValue)
    return json
  }
}

extension StripeAccount.Charge {
  func json(_ shape: PayloadShape) -> JSON {
    let isPaid = declineCode == nil
    var json: JSON = [
      "id": .string(id), "object": "charge", "amount": .int(amount),
      "amount_captured": .int(isPaid ? amount : 0), "amount_refunded": .int(amountRefunded),
      "balance_transaction": isPaid ? .string("txn_\(id.dropFirst(3))") : .null,
      "billing_details": ["address": nil, "email": nil, "name": nil, "phone": nil],
      "captured": .bool(isPaid), "created": .int(created), "currency": .string(currency),
      "customer": .text(customer), "description": nil, "disputed": .bool(dispute != nil),
      "failure_code": isPaid ? .null : "card_declined",
      "failure_message": isPaid ? .null : "Your card was declined.",
    ]
    if shape.hasOld { json["invoice"] = .text(invoice) }
    json["livemode"] = false
    json["metadata"] = .texts(metadata)
    json["outcome"] = [
      "network_status": isPaid ? "approved_by_network" : "declined_by_network",
      "reason": .text(declineCode), "risk_level": "normal",
      "type": isPaid ? "authorized" : "issuer_declined",
    ]
    json["paid"] = .bool(isPaid)
    json["payment_intent"] = .string(paymentIntent)
    json["payment_method_details"] = ["card": ["brand": "visa", "last4": "4242"], "type": "card"]
    json["receipt_url"] = .null
    json["refunded"] = .bool(isRefunded)
    json["status"] = .string(isPaid ? "succeeded" : "failed")
    return json
  }
}

extension StripeAccount.Refund {
  var json: JSON {
    [
      "id": .string(id), "object": "refund", "amount": .int(amount),
      "balance_transaction": .string("txn_\(id.dropFirst(3))"), "charge": .string(charge),
      "created": .int(created), "currency": .string(currency), "metadata": .texts(metadata),
      "payment_intent": .string(paymentIntent), "reason": .text(reason), "receipt_number": nil,
      "status": "succeeded",
    ]
  }
}

extension StripeAccount.Dispute {
  var json: JSON {
    [
      "id": .string(id), "object": "dispute", "amount": .int(amount), "balance_transactions": [],
      "charge": .string(charge), "created": .int(created), "currency": .string(currency), "evidence": [:],
      "is_charge_refundable": false, "livemode": false, "metadata": [:],
      "payment_intent": .string(paymentIntent), "reason": .string(reason),
      "status": .string(status.rawValue),
    ]
  }
}
