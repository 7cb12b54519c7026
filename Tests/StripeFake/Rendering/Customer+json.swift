extension StripeAccount.Customer {
  var json: JSON {
    guard !isDeleted else { return ["id": .string(id), "object": "customer", "deleted": true] }
    return [
      "id": .string(id), "object": "customer", "address": nil, "balance": .int(balance),
      "created": .int(created), "currency": nil, "default_source": nil, "delinquent": false,
      "description": .text(description), "discount": nil, "email": .text(email),
      "invoice_prefix": .string(invoicePrefix),
      "invoice_settings": [
        "custom_fields": nil, "default_payment_method": .text(paymentMethod), "footer": nil,
        "rendering_options": nil,
      ],
      "livemode": false, "metadata": .texts(metadata), "name": .text(name),
      "next_invoice_sequence": .int(nextInvoiceNumber), "phone": .text(phone), "preferred_locales": [],
      "shipping": nil, "tax_exempt": "none", "test_clock": nil,
    ]
  }
}

extension StripeAccount.PaymentMethod {
  var json: JSON {
    [
      "id": .string(id), "object": "payment_method",
      "billing_details": ["address": nil, "email": nil, "name": nil, "phone": nil],
      "card": [
        "brand": "visa", "country": "US", "exp_month": 12, "exp_year": 2040, "funding": "credit",
        "last4": "4242",
      ],
      "created": .int(created), "customer": .string(customer), "livemode": false, "metadata": [:],
      "type": "card",
    ]
  }
}

extension StripeAccount.PortalSession {
  var json: JSON {
    [
      "id": .string(id), "object": "billing_portal.session", "configuration": "bpc_1Tollgate",
      "created": .int(created), "customer": .string(customer), "flow": nil, "livemode": false, "locale": nil,
      "on_behalf_of": nil, "return_url": .text(returnURL), "url": .string(url),
    ]
  }
}
