extension StripeAccount.Invoice {
  func json(_ rendering: Rendering) -> JSON {
    let shape = rendering.shape
    // A preview of before basil has no id at all.
    var json: JSON = isPreview && !shape.hasNew ? [:] : ["id": .string(id)]
    json["object"] = "invoice"
    json = json.with(amounts).with(states)
    json["lines"] = lines(rendering)
    json["livemode"] = false
    json["metadata"] = .texts(metadata)
    json["next_payment_attempt"] = .number(nextAttempt ?? finalizesAt)
    json["number"] = .text(number)
    if shape.hasOld {
      json["charge"] = .text(charge)
      json["paid"] = .bool(status == .paid)
      json["paid_out_of_band"] = .bool(isPaidOutOfBand)
      json["payment_intent"] = .text(paymentIntent)
      json["subscription"] = .string(subscription)
      json["subscription_details"] = ["metadata": .texts(subscriptionMetadata)]
      json["tax"] = .null
    }
    if shape.hasNew {
      json["parent"] = [
        "quote_details": nil,
        "subscription_details": [
          "metadata": .texts(subscriptionMetadata), "subscription": .string(subscription),
        ],
        "type": "subscription_details",
      ]
    }
    json["period_end"] = .int(periodEnd)
    json["period_start"] = .int(periodStart)
    json["status"] = .string(status.rawValue)
    json["status_transitions"] = [
      "finalized_at": .number(finalizedAt), "marked_uncollectible_at": .number(uncollectibleAt),
      "paid_at": .number(paidAt), "voided_at": .number(voidedAt),
    ]
    json["subtotal"] = .int(subtotal)
    json["total"] = .int(total)
    json["total_discount_amounts"] =
      discount == 0 ? [] : [["amount": .int(discount), "discount": "di_1Tollgate"]]
    json["webhooks_delivered_at"] = .number(finalizedAt)
    return json
  }

  private var amounts: JSON {
    [
      "account_country": "US", "amount_due": .int(amountDue), "amount_paid": .int(amountPaid),
      "amount_remaining": .int(amountRemaining), "amount_shipping": 0, "attempt_count": .int(attempts),
      "attempted": .bool(wasAttempted),
      "auto_advance": .bool(autoAdvance && status == .open || finalizesAt != nil),
    ]
  }

  private var states: JSON {
    let page = finalizedAt == nil ? nil : "https://invoice.stripe.test/i/\(id)"
    return [
      "billing_reason": .string(reason.rawValue),
      "collection_method": .string(sendsInvoice ? "send_invoice" : "charge_automatically"),
      "created": .int(created), "currency": .string(currency), "customer": .string(customer),
      "customer_email": .text(customerEmail), "customer_name": .text(customerName),
      "default_payment_method": nil, "description": nil, "discounts": [], "due_date": .number(dueDate),
      "effective_at": .number(finalizedAt), "ending_balance": .number(endingBalance),
      "hosted_invoice_url": .text(page), "invoice_pdf": .text(page.map { "\($0)/pdf" }),
      "starting_balance": .int(startingBalance),
    ]
  }

  /// The list that is in the invoice itself.
  private func lines(_ rendering: Rendering) -> JSON {
    let shown = lines.prefix(rendering.linesMax).map { lineJSON($0, rendering.shape) }
    return .list(
      shown, url: "/v1/invoices/\(id)/lines", hasMore: lines.count > shown.count, total: lines.count)
  }

  func lineJSON(_ line: Line, _ shape: PayloadShape) -> JSON {
    var json: JSON = [
      "id": .string(line.id), "object": "line_item", "amount": .int(line.amount),
      "currency": .string(currency), "description": .string(line.description), "discount_amounts": [],
      "discountable": .bool(!line.isProration), "discounts": [], "invoice": .string(id), "livemode": false,
      "metadata": .texts(line.metadata),
    ]
    if shape.hasNew { json["parent"] = parent(of: line) }
    json["period"] = ["end": .int(line.periodEnd), "start": .int(line.periodStart)]
    if shape.hasOld {
      json["plan"] = line.price.planJSON
      json["price"] = line.price.json
    }
    if shape.hasNew {
      json["pricing"] = [
        "price_details": ["price": .string(line.price.id), "product": .string(line.price.product)],
        "type": "price_details", "unit_amount_decimal": .string("\(line.price.amount)"),
      ]
    }
    if shape.hasOld {
      json["proration"] = .bool(line.isProration)
      json["proration_details"] = ["credited_items": nil]
    }
    json["quantity"] = .int(line.quantity)
    if shape.hasOld {
      if let item = line.invoiceItem { json["invoice_item"] = .string(item) }
      json["subscription"] = .string(line.subscription)
      json["subscription_item"] = .string(line.subscriptionItem)
      json["type"] = .string(line.invoiceItem == nil ? "subscription" : "invoiceitem")
    }
    if shape.hasNew { json["taxes"] = [] }
    return json
  }

  private func parent(of line: Line) -> JSON {
    if let item = line.invoiceItem {
      return [
        "invoice_item_details": [
          "invoice_item": .string(item), "proration": .bool(line.isProration),
          "proration_details": ["credited_items": nil], "subscription": .string(line.subscription),
        ],
        "subscription_item_details": nil, "type": "invoice_item_details",
      ]
    }
    return [
      "invoice_item_details": nil,
      "subscription_item_details": [
        "invoice_item": nil, "proration": .bool(line.isProration),
        "proration_details": ["credited_items": nil], "subscription": .string(line.subscription),
        "subscription_item": .string(line.subscriptionItem),
      ],
      "type": "subscription_item_details",
    ]
  }
}

extension StripeAccount.PendingItem {
  func json(_ shape: PayloadShape) -> JSON {
    var json: JSON = [
      "id": .string(id), "object": "invoiceitem", "amount": .int(line.amount),
      "currency": .string(line.price.currency), "date": .int(line.periodStart),
      "description": .string(line.description), "discountable": false, "invoice": nil, "livemode": false,
      "metadata": .texts(line.metadata),
      "period": ["end": .int(line.periodEnd), "start": .int(line.periodStart)], "proration": true,
      "quantity": .int(line.quantity),
    ]
    if shape.hasOld {
      json["price"] = line.price.json
      json["subscription"] = .string(line.subscription)
    }
    if shape.hasNew {
      json["parent"] = [
        "subscription_details": [
          "subscription": .string(line.subscription), "subscription_item": .string(line.subscriptionItem),
        ],
        "type": "subscription_details",
      ]
      json["pricing"] = [
        "price_details": ["price": .string(line.price.id), "product": .string(line.price.product)],
        "type": "price_details",
      ]
    }
    return json
  }
}

extension StripeAccount.InvoicePayment {
  var json: JSON {
    [
      "id": .string(id), "object": "invoice_payment", "amount_paid": .int(amount),
      "amount_requested": .int(amount), "created": .int(created), "currency": .string(currency),
      "invoice": .string(invoice), "is_default": true, "livemode": false,
      "payment": ["payment_intent": .string(paymentIntent), "type": "payment_intent"], "status": "paid",
      "status_transitions": ["canceled_at": nil, "paid_at": .int(created)],
    ]
  }
}
