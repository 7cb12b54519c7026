extension APIRoute {
  static let payments: [APIRoute] = [
    APIRoute("POST", "/v1/refunds") { account, call throws(StripeFault) in
      let given = try call.parameters.text("charge")
      let intent = try call.parameters.text("payment_intent")
      let amount = try call.parameters.int("amount")
      let reason = try call.parameters.text("reason")
      let metadata = try call.parameters.metadata()
      try call.parameters.finish()
      var charge = given
      if let intent {
        guard let object = account.paymentIntents[intent] else {
          throw .noSuch("payment_intent", intent, param: "payment_intent")
        }
        charge = charge ?? object.latestCharge
      }
      guard let charge else {
        throw StripeFault(
          "One of the following params should be provided for this request: payment_intent or charge.",
          code: "parameter_missing")
      }
      let id = try account.refund(charge: charge, amount: amount, reason: reason, metadata: metadata)
      return account.refunds[id]?.json ?? .null
    },
    APIRoute("GET", "/v1/refunds") { account, call throws(StripeFault) in
      let charge = try call.parameters.text("charge")
      return try call.page(
        account.refunds, kind: "refund", url: "/v1/refunds", created: \.created, id: \.id,
        where: { charge == nil || $0.charge == charge }, \.json)
    },
    APIRoute("GET", "/v1/refunds/:id") { account, call throws(StripeFault) in
      try call.parameters.finish()
      guard let refund = account.refunds[call.id] else { throw .missing("refund", call.id) }
      return refund.json
    },
    APIRoute("GET", "/v1/charges") { account, call throws(StripeFault) in
      let customer = try call.parameters.text("customer")
      let shape = call.rendering.shape
      return try call.page(
        account.charges, kind: "charge", url: "/v1/charges", created: \.created, id: \.id,
        where: { customer == nil || $0.customer == customer }, { $0.json(shape) })
    },
    APIRoute("GET", "/v1/charges/:id") { account, call throws(StripeFault) in
      try call.parameters.finish()
      guard let charge = account.charges[call.id] else { throw .missing("charge", call.id) }
      return charge.json(call.rendering.shape)
    },
    APIRoute("GET", "/v1/payment_intents") { account, call throws(StripeFault) in
      let customer = try call.parameters.text("customer")
      let shape = call.rendering.shape
      return try call.page(
        account.paymentIntents, kind: "payment_intent", url: "/v1/payment_intents", created: \.created,
        id: \.id, where: { customer == nil || $0.customer == customer }, { $0.json(shape) })
    },
    APIRoute("GET", "/v1/payment_intents/:id") { account, call throws(StripeFault) in
      try call.parameters.finish()
      guard let intent = account.paymentIntents[call.id] else {
        throw .missing("payment_intent", call.id, param: "intent")
      }
      return intent.json(call.rendering.shape)
    },
    APIRoute("GET", "/v1/invoice_payments") { account, call throws(StripeFault) in
      let invoice = try call.parameters.text("invoice")
      let intent = try call.parameters.below("payment") { (payment: inout Parameters) throws(StripeFault) in
        payment.accept("type")
        return try payment.text("payment_intent")
      }
      return try call.page(
        account.invoicePayments, kind: "invoice_payment", url: "/v1/invoice_payments", created: \.created,
        id: \.id,
        where: {
          (invoice == nil || $0.invoice == invoice) && (intent == nil || $0.paymentIntent == intent)
        }, \.json)
    },
    APIRoute("GET", "/v1/disputes") { account, call throws(StripeFault) in
      let charge = try call.parameters.text("charge")
      return try call.page(
        account.disputes, kind: "dispute", url: "/v1/disputes", created: \.created, id: \.id,
        where: { charge == nil || $0.charge == charge }, \.json)
    },
    APIRoute("GET", "/v1/disputes/:id") { account, call throws(StripeFault) in
      try call.parameters.finish()
      guard let dispute = account.disputes[call.id] else { throw .missing("dispute", call.id) }
      return dispute.json
    },
  ]
}
