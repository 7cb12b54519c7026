import Billing
import Gate
import StripeFake
import Testing

/// One decoder for every way in which Stripe writes an event: of random histories, in the three shapes, with
/// their fields expanded and not.
@Suite struct DecoderTests {
  @Test func everyShapeMeansTheSame() {
    var counts: [String: Int] = [:]
    for (history, happening, _) in samples(40, count: 25) {
      let renderings = PayloadShape.allCases.flatMap { shape in
        [false, true].map { Rendering(shape, expandsEvents: $0) }
      }
      let meanings = renderings.compactMap { rendering in
        Letter(happening, history.account, rendering).map { meaning($0.event, history) }
      }
      #expect(meanings.count == renderings.count, "\(happening.event.type) \(seedNote(history))")
      for (meaning, rendering) in zip(meanings, renderings).dropFirst() where meaning != meanings[0] {
        Issue.record(
          "\(happening.event.type) \(rendering) \(seedNote(history))\n\(meaning)\n\(meanings[0])")
      }
      counts[happening.event.type, default: 0] += 1
    }
    print("shapes of \(counts.values.reduce(0, +)) events of \(counts.count) types")
    #expect(Happenings.types.subtracting(counts.keys).count < 8)
  }

  /// Members that Stripe will add and words that it will make up change nothing.
  @Test func unknownValuesAreTolerated() {
    var changed = 0
    for (history, happening, rendering) in samples(41, count: 15) {
      guard let letter = Letter(happening, history.account, rendering),
        let body = JSONValue(json: letter.body)
      else {
        Issue.record("not to be read: \(happening.event.type) \(seedNote(history))")
        continue
      }
      var random = SplitMix(seed: history.seed)
      for _ in 0..<5 {
        let odd = body.withUnknownValues(&random)
        if odd != body { changed += 1 }
        guard let event = StripeEvent(rawBody: Array(odd.text.utf8)) else {
          Issue.record("refused: \(seedNote(history))\n\(odd.text)")
          continue
        }
        #expect(meaning(event, history) == meaning(letter.event, history), "\(odd.text) \(seedNote(history))")
      }
    }
    #expect(changed > 500)
  }

  /// Whatever stands where, nothing traps, and what is done of it stays within the limits.
  @Test func nonsenseIsSurvived() {
    var (read, refused) = (0, 0)
    for (history, happening, rendering) in samples(42, count: 12) {
      guard let letter = Letter(happening, history.account, rendering),
        let body = JSONValue(json: letter.body)
      else { continue }
      var random = SplitMix(seed: history.seed)
      for round in 0..<12 {
        var bytes = letter.body
        if round < 8 {
          var odd = body
          for _ in 0..<Int.random(in: 1...10, using: &random) { odd = odd.mutatedEvent(&random) }
          bytes = Array(odd.text.utf8)
        } else {
          for _ in 0..<Int.random(in: 1...6, using: &random) {
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
          }
          if round == 11 { bytes.removeLast(Int.random(in: 1...bytes.count, using: &random)) }
        }
        guard let event = StripeEvent(rawBody: bytes) else {
          refused += 1
          continue
        }
        read += 1
        let billing = BillingEvent(event, isLive: nil)
        _ = (billing.locks, billing.makesKnown, billing.question.waitsFor)
        let decision = Meaning.decision(billing, for: .tenant("t1"), now: Instant(seconds: history.end))
        #expect(decision.actions.allSatisfy(isWithinLimits), "\(seedNote(history)) \(decision)")
      }
    }
    print("nonsense: \(read) read, \(refused) refused")
    #expect(read > 1000 && refused > 100)
  }

  private func isWithinLimits(_ action: BillingAction) -> Bool {
    switch action {
    case .saveSubscription(let row): row.seats >= 1 && row.seats <= 1_000_000
    case .grantPeriod(let grant): (0...Limits.tokensMax).contains(grant.tokens)
    case .grantTopUp(let topUp): (1...Limits.tokensMax).contains(topUp.tokens)
    default: true
    }
  }

  /// The events of so many histories, each with one way to write it.
  private func samples(
    _ test: UInt64, count: Int
  ) -> [(history: History, happening: History.Happening, rendering: Rendering)] {
    Seed.histories(test).prefix(count).flatMap { seed in
      let history = HistoryMaker.make(seed: seed, operations: 8)
      var random = SplitMix(seed: seed)
      return history.happenings.filter { Happenings.matters($0.event.type) }.map { happening in
        let shape = random.pick(PayloadShape.allCases) ?? .basil
        return (history, happening, Rendering(shape, expandsEvents: random.chance(50)))
      }
    }
  }

  private func meaning(_ event: StripeEvent, _ history: History) -> Meaning {
    Meaning(event, for: history.buyers[0].account, now: Instant(seconds: history.end))
  }

  private func seedNote(_ history: History) -> String {
    "TOLLGATE_TEST_SEED=\(Seed.base), seed \(history.seed)"
  }
}
