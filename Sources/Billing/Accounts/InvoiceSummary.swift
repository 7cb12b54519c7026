package import Gate

/// An invoice as the Billing tab lists it. Amounts are in the currency's smallest unit, as Stripe has them.
package struct InvoiceSummary: Sendable, Equatable {
  /// `in_…`; nil of one that is only foreseen.
  package var id: String?
  /// As printed on it.
  package var number: String?
  /// Stripe's word.
  package var status: String?
  /// Three lowercase letters.
  package var currency: String?
  /// What it asks for.
  package var amountDue: Int64
  /// What was paid of it.
  package var amountPaid: Int64
  /// When it was made.
  package var createdAt: Instant?
  /// What its first period line pays for; `invoice.period_*` looks back one period.
  package var periodStart: Instant?
  /// The period's end; nil where it is not known.
  package var periodEnd: Instant?
  /// Stripe's page of it.
  package var hostedURL: String?
  /// The PDF of it.
  package var pdfURL: String?

  init(_ object: JSONValue) {
    id = object["id"].id.flatMap { $0.hasPrefix("upcoming") ? nil : $0 }
    number = object["number"].string
    status = object["status"].string
    currency = object["currency"].string
    amountDue = object["amount_due"].int ?? 0
    amountPaid = object["amount_paid"].int ?? 0
    createdAt = object["created"].time
    let lines = object["lines"].listItems.map(StripeInvoice.Line.init)
    let line = lines.first { !$0.isProration } ?? lines.first
    periodStart = line?.periodStart
    periodEnd = line?.periodEnd
    hostedURL = object["hosted_invoice_url"].string
    pdfURL = object["invoice_pdf"].string
  }
}
