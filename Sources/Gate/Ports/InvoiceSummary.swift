/// An invoice as the Billing tab lists it. Amounts are in the currency's smallest unit, as Stripe has them.
package struct InvoiceSummary: Sendable, Equatable {
  /// `in_…`, or `cs_…` of a purchase without an invoice; nil of one that is only foreseen.
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

  /// Memberwise.
  package init(
    id: String?, number: String? = nil, status: String? = nil, currency: String? = nil, amountDue: Int64 = 0,
    amountPaid: Int64 = 0, createdAt: Instant? = nil, periodStart: Instant? = nil,
    periodEnd: Instant? = nil, hostedURL: String? = nil, pdfURL: String? = nil
  ) {
    self.id = id
    self.number = number
    self.status = status
    self.currency = currency
    self.amountDue = amountDue
    self.amountPaid = amountPaid
    self.createdAt = createdAt
    self.periodStart = periodStart
    self.periodEnd = periodEnd
    self.hostedURL = hostedURL
    self.pdfURL = pdfURL
  }
}
