import Gate

extension InvoiceSummary {
  /// Of an invoice object, of any API version.
  init(_ object: JSONValue) {
    let lines = object["lines"].listItems.map(StripeInvoice.Line.init)
    let line = lines.first { !$0.isProration } ?? lines.first
    self.init(
      // A preview has an id of no use: nothing can be asked by it.
      id: object["id"].id.flatMap { $0.hasPrefix("upcoming") ? nil : $0 }, number: object["number"].string,
      status: object["status"].string ?? (object["paid"].bool == true ? "paid" : nil),
      currency: object["currency"].string, amountDue: object["amount_due"].int ?? 0,
      amountPaid: object["amount_paid"].int ?? 0, createdAt: object["created"].time,
      periodStart: line?.periodStart, periodEnd: line?.periodEnd,
      hostedURL: object["hosted_invoice_url"].string, pdfURL: object["invoice_pdf"].string)
  }

  /// Of a session that sold something without an invoice.
  init(_ session: StripeCheckoutSession) {
    self.init(
      id: session.id, status: session.isPaid ? "paid" : "open", currency: session.currency,
      amountDue: session.amountTotal, amountPaid: session.isPaid ? session.amountTotal : 0,
      createdAt: session.createdAt)
  }
}
