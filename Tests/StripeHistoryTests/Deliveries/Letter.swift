import Billing
import StripeFake

/// An event of a history as it is posted: every attempt has the same bytes.
struct Letter: Sendable {
  var happening: History.Happening
  var shape: PayloadShape
  var body: [UInt8]
  /// The same, read.
  var event: StripeEvent
  var payload: String

  init?(_ happening: History.Happening, _ account: StripeAccount, _ rendering: Rendering) {
    let body = account.json(happening.event, rendering).bytes
    guard let event = StripeEvent(rawBody: body) else { return nil }
    self.happening = happening
    shape = rendering.shape
    self.body = body
    self.event = event
    payload = String(decoding: body, as: UTF8.self)
  }

  var matters: Bool { Happenings.matters(event.type) }
}

extension Letter: CustomStringConvertible {
  var description: String { "\(event.id) \(event.type) \(shape.rawValue) [\(happening.event.object.note)]" }
}

extension History {
  /// Every event in one of the three shapes, some with their expandable fields as objects.
  func letters(_ random: inout SplitMix) -> [Letter] {
    happenings.compactMap { letter($0, &random) }
  }

  private func letter(_ happening: Happening, _ random: inout SplitMix) -> Letter? {
    let shape = random.pick(PayloadShape.allCases) ?? .basil
    return Letter(happening, account, Rendering(shape, expandsEvents: random.chance(15)))
  }

  /// Another event, of another id and perhaps in another shape, of the same fact.
  func twin(of letter: Letter, _ random: inout SplitMix) -> Letter {
    var happening = letter.happening
    happening.event.id += "Twin"
    return self.letter(happening, &random) ?? letter
  }
}

extension StripeObject {
  /// What of an object the order of events may be about; for failures.
  var note: String {
    switch self {
    case .subscription(let object):
      "\(object.id.suffix(4)) \(object.status.rawValue) \(object.price?.id ?? "-") "
        + "x\(object.items.first?.quantity ?? 0) \(object.periodStart)-\(object.periodEnd) "
        + "\(object.latestInvoice?.suffix(4) ?? "-")"
        + (object.cancelAt == nil ? "" : " ends") + (object.trialEnd == nil ? "" : " trial")
    case .invoice(let object):
      "\(object.id.suffix(4)) of \(object.subscription.suffix(4)) \(object.status.rawValue) "
        + object.lines.map { "\($0.price.id)\($0.isProration ? "~" : "") x\($0.quantity) \($0.periodStart)" }
        .joined(separator: ", ")
    case .session(let object):
      "\(object.id.suffix(4)) \(object.mode.rawValue) \(object.paymentStatus.rawValue)"
    case .charge(let object): "\(object.id.suffix(4)) \(object.amountRefunded)/\(object.amount)"
    default: String(id.suffix(4))
    }
  }
}
