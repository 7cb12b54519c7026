package import Billing
package import Gate

extension JSON {
  static func links(_ links: BillingLinks) -> JSON {
    [
      "upgrade_url": .text(links.upgradeURL), "enterprise_contact_url": .text(links.enterpriseContactURL),
      "customer_portal_url": .text(links.customerPortalURL), "success_url": .text(links.successURL),
      "cancel_url": .text(links.cancelURL), "web_app_url": .text(links.webAppURL),
    ]
  }

  /// As `/v1/billing` shows it.
  package static func status(_ status: AccountBilling) -> JSON {
    [
      "plan": .text(status.plan), "status": .string(status.status), "active": .bool(status.isActive),
      "seats": .integer(status.seats), "current_period_end": .time(status.currentPeriodEnd),
      "cancel_at_period_end": .bool(status.cancelsAtPeriodEnd), "plan_active": .bool(status.isPlanActive),
      "plan_expires": .time(status.planExpires), "lockout_reason": .text(status.lockoutReason),
      "stripe_customer_id": .text(status.stripeCustomerID),
      "stripe_subscription_id": .text(status.stripeSubscriptionID), "price_id": .text(status.priceID),
    ]
  }

  /// As `/v1/billing` shows it.
  package static func invoice(_ invoice: InvoiceSummary) -> JSON {
    [
      "id": .text(invoice.id), "number": .text(invoice.number), "status": .text(invoice.status),
      "currency": .text(invoice.currency), "amount_due": .integer(invoice.amountDue),
      "amount_paid": .integer(invoice.amountPaid), "created_at": .time(invoice.createdAt),
      "period_start": .time(invoice.periodStart), "period_end": .time(invoice.periodEnd),
      "hosted_invoice_url": .text(invoice.hostedURL), "invoice_pdf": .text(invoice.pdfURL),
    ]
  }
}
