extension StripeAccount.CheckoutSession {
  var json: JSON {
    [
      "id": .string(id), "object": "checkout.session", "after_expiration": nil,
      "allow_promotion_codes": nil, "amount_subtotal": .int(isTrial ? 0 : subtotal),
      "amount_total": .int(total), "automatic_tax": ["enabled": false, "liability": nil, "status": nil],
      "billing_address_collection": needsAddress ? "required" : nil, "cancel_url": .text(cancelURL),
      "client_reference_id": .text(clientReference), "consent": nil, "created": .int(created),
      "currency": .string(currency), "custom_fields": [], "customer": .text(customer),
      "customer_creation": .string(mode == .payment ? "if_required" : "always"),
      "customer_details": email.map { email in
        [
          "address": [
            "city": nil, "country": "US", "line1": nil, "line2": nil, "postal_code": nil, "state": nil,
          ],
          "email": .string(email), "name": nil, "phone": nil, "tax_exempt": "none", "tax_ids": [],
        ]
      } ?? .null,
      "customer_email": .text(customerEmail), "expires_at": .int(expiresAt), "invoice": .text(invoice),
      "invoice_creation": nil, "livemode": false, "locale": nil, "metadata": .texts(metadata),
      "mode": .string(mode.rawValue), "payment_intent": .text(paymentIntent), "payment_link": nil,
      "payment_method_collection": "always", "payment_method_types": ["card"],
      "payment_status": .string(paymentStatus.rawValue), "recovered_from": nil, "setup_intent": nil,
      "shipping_cost": nil, "status": .string(status.rawValue), "submit_type": nil,
      "subscription": .text(subscription), "success_url": .text(successURL),
      "total_details": ["amount_discount": .int(discount), "amount_shipping": 0, "amount_tax": 0],
      "ui_mode": "hosted", "url": status == .open ? .string(url) : .null,
    ]
  }

  /// What is bought; not in the session, but in `/line_items`.
  var lineItems: [JSON] {
    items.map { item in
      [
        "id": .string(item.id), "object": "item", "amount_discount": 0,
        "amount_subtotal": .int(item.price.amount * item.quantity), "amount_tax": 0,
        "amount_total": .int(item.price.amount * item.quantity), "currency": .string(item.price.currency),
        "description": .string(item.price.product), "price": item.price.json,
        "quantity": .int(item.quantity),
      ]
    }
  }
}
