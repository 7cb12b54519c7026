/// A moment in UTC, in milliseconds since 1970-01-01T00:00:00Z: the resolution of Redis' stream ids and
/// of every time that Tollgate stores.
package struct Instant: Hashable, Comparable, Sendable {
  package var milliseconds: Int64

  package init(milliseconds: Int64) { self.milliseconds = milliseconds }
  package init(seconds: Int64) { self.milliseconds = seconds * 1000 }

  /// Whole seconds, rounded down.
  package var seconds: Int64 { milliseconds.quotientAndFloorRemainder(dividingBy: 1000).quotient }

  package static func < (left: Instant, right: Instant) -> Bool {
    left.milliseconds < right.milliseconds
  }

  package func advanced(seconds: Int64) -> Instant {
    Instant(milliseconds: milliseconds + seconds * 1000)
  }

  /// RFC 3339 in UTC to the second, as every time in the API: `2026-12-01T00:00:00Z`.
  package var rfc3339: String {
    let bytes = rfc3339Bytes
    return String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
  }

  /// The bytes of ``rfc3339``, for writers that have no use for a `String`. Years 0 to 9999.
  package var rfc3339Bytes: InlineArray<20, UInt8> {
    let (days, second) = seconds.quotientAndFloorRemainder(dividingBy: 86_400)
    let (year, month, day) = Instant.civil(fromDays: days)
    var bytes = InlineArray<20, UInt8>(repeating: 0)
    func put(_ value: Int64, at start: Int, digits: Int, before separator: UInt8) {
      var rest = value
      for index in stride(from: start + digits - 1, through: start, by: -1) {
        bytes[index] = UInt8(48 + rest % 10)
        rest /= 10
      }
      bytes[start + digits] = separator
    }
    put(year, at: 0, digits: 4, before: UInt8(ascii: "-"))
    put(month, at: 5, digits: 2, before: UInt8(ascii: "-"))
    put(day, at: 8, digits: 2, before: UInt8(ascii: "T"))
    put(second / 3600, at: 11, digits: 2, before: UInt8(ascii: ":"))
    put(second / 60 % 60, at: 14, digits: 2, before: UInt8(ascii: ":"))
    put(second % 60, at: 17, digits: 2, before: UInt8(ascii: "Z"))
    return bytes
  }

  /// Reads RFC 3339 with any offset and an optional fraction (kept to the millisecond); nil for
  /// anything else, a leap second included.
  package init?(rfc3339 text: some StringProtocol) {
    let bytes = Array(text.utf8)
    guard bytes.count >= 20, bytes.count <= 40 else { return nil }
    func number(_ range: Range<Int>) -> Int64? {
      var value: Int64 = 0
      for index in range {
        guard index < bytes.count, (48...57).contains(bytes[index]) else { return nil }
        value = value * 10 + Int64(bytes[index] - 48)
      }
      return value
    }
    guard let year = number(0..<4), bytes[4] == 45, let month = number(5..<7), bytes[7] == 45,
      let day = number(8..<10), bytes[10] == 84 || bytes[10] == 116, let hour = number(11..<13),
      bytes[13] == 58, let minute = number(14..<16), bytes[16] == 58, let second = number(17..<19),
      (1...12).contains(month), (1...Instant.days(inMonth: month, year: year)).contains(day),
      hour < 24, minute < 60, second < 60
    else { return nil }
    var index = 19
    var fraction: Int64 = 0
    if bytes[index] == 46 {
      index += 1
      var scale: Int64 = 100
      let first = index
      while index < bytes.count, (48...57).contains(bytes[index]) {
        fraction += Int64(bytes[index] - 48) * scale
        scale /= 10
        index += 1
      }
      guard index > first else { return nil }
    }
    guard index < bytes.count else { return nil }
    var offset: Int64 = 0
    switch bytes[index] {
    case 90, 122:
      guard index + 1 == bytes.count else { return nil }
    case 43, 45:
      guard bytes.count == index + 6, bytes[index + 3] == 58, let hours = number(index + 1..<index + 3),
        let minutes = number(index + 4..<index + 6), hours < 24, minutes < 60
      else { return nil }
      offset = (hours * 3600 + minutes * 60) * (bytes[index] == 45 ? -1 : 1)
    default:
      return nil
    }
    let days = Instant.days(fromCivil: year, month, day)
    let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
    self.init(milliseconds: seconds * 1000 + fraction)
  }

  /// Days since 1970-01-01 to year, month and day of the proleptic Gregorian calendar.
  /// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
  package static func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = shifted.quotientAndFloorRemainder(dividingBy: 146_097).quotient
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }

  /// The inverse of ``civil(fromDays:)``; same source, `days_from_civil`.
  package static func days(fromCivil year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let year = month <= 2 ? year - 1 : year
    let era = year.quotientAndFloorRemainder(dividingBy: 400).quotient
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
  }

  package static func days(inMonth month: Int64, year: Int64) -> Int64 {
    switch month {
    case 4, 6, 9, 11: 30
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    default: 31
    }
  }
}

extension Int64 {
  /// Floored division: the remainder has the sign of the divisor.
  func quotientAndFloorRemainder(dividingBy divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
