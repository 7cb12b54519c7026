internal import Foundation
package import Gate

/// The machine's clock, for what no store has timed.
package enum Clock {
  package static func now() -> Instant {
    Instant(milliseconds: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)))
  }
}
