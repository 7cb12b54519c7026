internal import Foundation
internal import Gate

/// What a time zone's clocks show: the offset from UTC at any moment.
struct ZoneOffsets: Sendable {
  /// nil: UTC, which needs no table.
  private let zone: TimeZone?

  /// Coordinated universal time.
  static let utc = ZoneOffsets(zone: nil)

  private init(zone: TimeZone?) { self.zone = zone }

  /// nil unless it is an IANA name.
  init?(_ name: String) {
    if name == "UTC" {
      self = .utc
      return
    }
    guard ZoneOffsets.isKnown(name), let zone = TimeZone(identifier: name) else { return nil }
    self.zone = zone
  }

  /// Seconds east of UTC.
  func seconds(at instant: Instant) -> Int64 {
    guard let zone else { return 0 }
    let date = Date(timeIntervalSince1970: Double(instant.milliseconds) / 1000)
    return Int64(zone.secondsFromGMT(for: date))
  }

  /// Seconds since 1970-01-01T00:00:00 that a clock on the wall shows, rounded down.
  func wallSeconds(at instant: Instant) -> Int64 { instant.seconds + seconds(at: instant) }

  /// `UTC`, or `Area/City` as the tz database writes it, its older names (`Asia/Calcutta`) too. Foundation
  /// also takes abbreviations and `GMT+3`, whose meaning isn't everybody's; those are refused.
  static func isKnown(_ name: String) -> Bool {
    if name == "UTC" || names.contains(name) { return true }
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count > 1, parts.allSatisfy({ $0.first?.isUppercase == true && $0.allSatisfy(\.isASCII) })
    else { return false }
    return TimeZone(identifier: name) != nil
  }

  private static let names = Set(TimeZone.knownTimeZoneIdentifiers.filter { $0.contains("/") })
}
