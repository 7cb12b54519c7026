/// When billing periods begin, in UTC. Source: https://docs.stripe.com/billing/subscriptions/billing-cycle
package enum BillingCalendar {
  static let day: Int64 = 86_400

  /// `count` intervals after `anchor` (Unix seconds): a day that the month doesn't have becomes its last,
  /// and the anchor's own day comes back where there is one (31 Jan, 28 Feb, 31 Mar).
  package static func advance(_ anchor: Int64, by count: Int64, _ interval: Interval) -> Int64 {
    switch interval {
    case .day: return anchor + count * day
    case .week: return anchor + count * 7 * day
    case .month, .year:
      let (days, second) = anchor.quotientAndFloorRemainder(dividingBy: day)
      let date = civil(days: days)
      let months = date.year * 12 + date.month - 1 + count * (interval == .year ? 12 : 1)
      let (year, month) = months.quotientAndFloorRemainder(dividingBy: 12)
      let last = daysInMonth(year: year, month: month + 1)
      return Self.days(year: year, month: month + 1, day: min(date.day, last)) * day + second
    }
  }

  /// The first beginning of a period after `time`, for periods of `every` intervals around `anchor`.
  package static func next(after time: Int64, anchor: Int64, every: Int64, _ interval: Interval) -> Int64 {
    let length = interval.approximateSeconds * every
    var count = (time - anchor) / length * every - 2 * every
    while advance(anchor, by: count, interval) > time { count -= every }
    while advance(anchor, by: count, interval) <= time { count += every }
    return advance(anchor, by: count, interval)
  }

  static func daysInMonth(year: Int64, month: Int64) -> Int64 {
    let next = month == 12 ? (year + 1, Int64(1)) : (year, month + 1)
    return days(year: next.0, month: next.1, day: 1) - days(year: year, month: month, day: 1)
  }

  // Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
  static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let (era, ofEra) = (days + 719_468).quotientAndFloorRemainder(dividingBy: 146_097)
    let year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
    let ofYear = ofEra - (365 * year + year / 4 - year / 100)
    let shifted = (5 * ofYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (year + era * 400 + (month <= 2 ? 1 : 0), month, ofYear - (153 * shifted + 2) / 5 + 1)
  }

  static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let (era, ofEra) = (month <= 2 ? year - 1 : year).quotientAndFloorRemainder(dividingBy: 400)
    let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
  }

  /// Unix seconds of a moment in UTC: `time(2026, 1, 31)`.
  package static func time(
    _ year: Int64, _ month: Int64, _ day: Int64, hour: Int64 = 0, minute: Int64 = 0
  ) -> Int64 {
    days(year: year, month: month, day: day) * BillingCalendar.day + hour * 3600 + minute * 60
  }

  /// `2026-01-31 00:00`, for people.
  package static func text(_ time: Int64) -> String {
    let (days, second) = time.quotientAndFloorRemainder(dividingBy: day)
    let date = civil(days: days)
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(date.year)-\(two(date.month))-\(two(date.day)) \(two(second / 3600)):\(two(second / 60 % 60))"
  }
}

/// How often a price recurs.
package enum Interval: String, Sendable, Codable {
  case day, week, month, year

  var approximateSeconds: Int64 {
    switch self {
    case .day: BillingCalendar.day
    case .week: 7 * BillingCalendar.day
    case .month: 31 * BillingCalendar.day
    case .year: 366 * BillingCalendar.day
    }
  }
}

extension Int64 {
  /// Division that rounds down, so that times before 1970 have their day too.
  func quotientAndFloorRemainder(dividingBy divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
