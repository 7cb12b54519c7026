internal import AdminAPI
internal import Gate

/// Numbers and times as people read them.
enum Wording {
  /// `1,234,567`.
  static func count(_ number: Int64) -> String {
    var digits = String(number.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.append(String(digits.suffix(3)))
      digits.removeLast(3)
    }
    return (number < 0 ? "−" : "") + ([digits] + groups.reversed()).joined(separator: ",")
  }

  /// `1.2 M`: three digits at most, for the axes of charts.
  static func short(_ number: Int64) -> String {
    let units: [(Int64, String)] = [
      (1_000_000_000_000, " T"), (1_000_000_000, " G"), (1_000_000, " M"), (1_000, " k"),
    ]
    let magnitude = Int64(clamping: number.magnitude)
    for (size, name) in units where magnitude >= size {
      let tenths = number / (size / 10)
      let rest = (tenths % 10).magnitude
      return rest == 0 || magnitude >= size * 100 ? "\(tenths / 10)\(name)" : "\(tenths / 10).\(rest)\(name)"
    }
    return String(number)
  }

  /// Three digits that count, without a power of ten: `0.64`, `5.63`, `180`.
  static func brief(_ value: Double) -> String {
    Markup.number(value < 10 ? value : value < 100 ? (value * 10).rounded() / 10 : value.rounded())
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// `21 Nov 2026, 15:50 UTC`.
  static func time(_ instant: Instant) -> String {
    "\(day(instant)), \(clock(instant)) UTC"
  }

  /// `21 Nov 2026`.
  static func day(_ instant: Instant) -> String {
    let (year, month, day) = civil(instant)
    return "\(day) \(months[Int(month) - 1]) \(year)"
  }

  /// `21 Nov`.
  static func shortDay(_ instant: Instant) -> String {
    let (_, month, day) = civil(instant)
    return "\(day) \(months[Int(month) - 1])"
  }

  /// `15:50`.
  static func clock(_ instant: Instant) -> String {
    let minute = (instant.seconds % 86_400 + 86_400) % 86_400 / 60
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(two(minute / 60)):\(two(minute % 60))"
  }

  /// `250 ms`, `3.2 s`, `4 min`, `2 h`, `5 days`.
  static func span(milliseconds: Int64) -> String {
    switch milliseconds {
    case ..<1_000: "\(milliseconds) ms"
    case ..<10_000: "\(milliseconds / 1_000).\(milliseconds % 1_000 / 100) s"
    case ..<120_000: "\(milliseconds / 1_000) s"
    case ..<7_200_000: "\(milliseconds / 60_000) min"
    case ..<172_800_000: "\(milliseconds / 3_600_000) h"
    default: "\(milliseconds / 86_400_000) days"
    }
  }

  private static func civil(_ instant: Instant) -> (year: Int64, month: Int64, day: Int64) {
    let seconds = instant.seconds
    let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
    return Instant.civil(fromDays: days)
  }

  /// JSON with line breaks and indentation, for people.
  static func lines(_ json: JSON, indent: String = "") -> String {
    let inner = indent + "  "
    switch json {
    case .array(let items) where !items.isEmpty:
      let lines = items.map { inner + Wording.lines($0, indent: inner) }
      return "[\n\(lines.joined(separator: ",\n"))\n\(indent)]"
    case .object(let members) where !members.isEmpty:
      let lines = members.map { member in
        inner + String(decoding: JSON.string(member.name).bytes, as: UTF8.self) + ": "
          + Wording.lines(member.value, indent: inner)
      }
      return "{\n\(lines.joined(separator: ",\n"))\n\(indent)}"
    default: return String(decoding: json.bytes, as: UTF8.self)
    }
  }
}
